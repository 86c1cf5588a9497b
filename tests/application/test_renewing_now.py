"""A token that a person wants renewed now, however fresh it is."""

from dataclasses import replace

import anyio
import pytest

from application.sources import Bench, failing, respond
from authority import Authority, FormBrowser, StartAuthority
from fakes import make_grant
from handstamp.errors import ConnectFailed, InvalidGrant, LoginRequired, TemporarilyUnavailable, TimedOut
from handstamp.events import Refreshed
from handstamp.model import Grant, Secret
from handstamp.protocol.exchange import Request, Response
from handstamp.vault import Vault


def renew(bench: Bench) -> Grant:
    return anyio.run(bench.source.renewed_async)


def test_a_fresh_token_is_renewed_all_the_same() -> None:
    bench = Bench(make_grant())
    assert bench.source.token() == bench.stored().token

    grant = renew(bench)

    assert grant.token.access_token.reveal() == "at-1"
    assert grant == bench.stored()
    assert bench.source.token() == grant.token
    assert [type(event) for event in bench.events] == [Refreshed]


def test_as_often_as_they_like() -> None:
    """More often than 401s may force it: those count for themselves."""
    bench = Bench(make_grant())

    tokens = [renew(bench).token.access_token.reveal() for _ in range(7)]

    assert tokens == [f"at-{number}" for number in range(1, 8)]


def test_a_failure_is_told_though_the_old_token_lives() -> None:
    bench = Bench(make_grant(), failing(TimedOut("Nobody answers.")))

    with pytest.raises(TimedOut):
        renew(bench)

    assert bench.source.token() == make_grant().token


def test_no_pause_of_ours_is_in_the_way() -> None:
    bench = Bench(make_grant(), failing(ConnectFailed("There is no network.")))
    with pytest.raises(ConnectFailed):
        renew(bench)
    bench.http.answer = bench.server

    assert renew(bench).token.access_token.reveal() == "at-1"


def test_a_server_that_wants_to_be_left_alone_is() -> None:
    bench = Bench(make_grant(), failing(TemporarilyUnavailable("Not now.", retry_after=60.0)))
    with pytest.raises(TemporarilyUnavailable):
        renew(bench)
    bench.http.answer = bench.server

    with pytest.raises(TemporarilyUnavailable, match="asked again in"):
        renew(bench)

    assert bench.server.given == 0


def test_the_same_token_again_is_an_answer_too() -> None:
    bench = Bench(make_grant(access="same"))

    def answer(request: Request) -> Response:
        return respond(200, {"access_token": "same", "token_type": "Bearer", "expires_in": 3600}, bench.clock)

    bench.http.answer = answer
    bench.clock.now += 10

    grant = renew(bench)

    assert grant.token.access_token == Secret("same")
    assert grant.token.obtained_at == bench.clock()
    assert len(bench.http.requests) == 1


@pytest.mark.parametrize(
    ("grant", "words", "command"),
    [
        (None, "is not signed in yet", "handstamp login example"),
        (make_grant(refresh=None), "cannot be renewed", "handstamp login example --again"),
        (replace(make_grant(), refused="fingerprint"), "no longer accepts", "handstamp login example --again"),
    ],
    ids=["nobody", "without a refresh token", "refused"],
)
def test_where_only_a_sign_in_helps_it_says_so_and_leaves_what_is_stored(grant: Grant | None, words: str, command: str) -> None:
    bench = Bench(grant)

    with pytest.raises(LoginRequired, match=words) as caught:
        renew(bench)

    assert caught.value.hint == command
    assert bench.source.grant() == (None if grant is None else bench.stored())
    assert grant is None or bench.stored().failure is None


def test_a_refusal_needs_a_person() -> None:
    bench = Bench(make_grant(), failing(InvalidGrant("It was revoked.", error="invalid_grant")))

    with pytest.raises(LoginRequired, match="no longer accepts"):
        renew(bench)


@pytest.fixture
def site(vault: Vault, authority: StartAuthority) -> Authority:
    """Signed in to."""
    started = authority()
    vault.sync.login(started.server_url, browser=FormBrowser())
    return started


def test_a_vault_renews_on_request_and_counts_its_writes(vault: Vault, site: Authority) -> None:
    before, version = vault.grant(site.server_url), vault.data_version()

    grant = vault.sync.refresh(site.server_url)

    assert before is not None
    assert grant.token != before.token
    assert vault.grant(site.server_url) == grant
    assert vault.sync.token(site.server_url) == grant.token
    assert vault.data_version() != version
    assert site.refreshes == 1
