"""The commands and the library against other people's authorization servers: the main job, and every way in which it ends."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from handstamp.errors import LoginRequired, find_error
from handstamp.vault import Vault
from interop.home import NAME, Home
from interop.servers import Counts, OidcSite, Site, oidc, sdk

pytestmark = pytest.mark.interop

PROGRAMS = 8

SITES: Mapping[str, Callable[[], AbstractContextManager[Site]]] = {
    "oidc": oidc,
    "oidc, strict": lambda: oidc(strict=True),
    "oidc, mounted": lambda: oidc(mount="/tenant1"),
    "oidc, opaque tokens": lambda: oidc(opaque=True),
    "sdk": sdk,
}


# Each site's tests stay together where several processes share the run (`-n 2 --dist loadgroup`): there is one site a process.
@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in SITES])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """One for all tests of this file: count differences, not totals."""
    with SITES[request.param]() as started:
        yield started


@pytest.fixture
def home(site: Site, tmp_path: Path) -> Home:
    """Nobody has signed in yet."""
    return Home(tmp_path, site.server_url)


@pytest.fixture(scope="module")
def lived_in(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"), site.server_url)


@pytest.fixture
def signed_in(lived_in: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One home for all tests of a site, because a sign-in costs a second: count visits' differences, not totals."""
    share_environment(lived_in, monkeypatch)
    with lived_in.vault() as vault:
        is_signed_in = vault.grant(NAME) is not None
    if not is_signed_in:
        lived_in.log_in()
    return lived_in


@dataclass
class Counted:
    """What a site counts from here on."""

    site: Site

    def __post_init__(self) -> None:
        self._before = self.site.counts()

    def __call__(self) -> Counts:
        before, now = self._before, self.site.counts()
        return Counts(
            registrations=now.registrations - before.registrations,
            codes=now.codes - before.codes,
            refreshes=now.refreshes - before.refreshes,
            refused=now.refused[len(before.refused) :],
            revocations=now.revocations - before.revocations,
            ended_grants=now.ended_grants - before.ended_grants,
        )


def test_a_person_signs_in_once_and_uses_the_tools(site: Site, home: Home) -> None:
    """A-01, A-37."""
    counted = Counted(site)

    login = home.log_in()
    tools = home.run("tools", NAME, "--json")
    told = home.who_am_i()

    assert f"Signed in to {NAME}" in login.err
    assert [tool["name"] for tool in tools.document["tools"]] == ["whoami"]
    assert told["subject"] == "alice"
    assert told["scopes"] == ["notes:read"]
    assert home.visits == 1
    assert (counted().registrations, counted().codes, counted().refreshes, counted().refused) == (1, 1, 0, ())


def test_an_expired_token_is_renewed_once_and_nobody_is_asked(site: Site, signed_in: Home) -> None:
    counted, visits = Counted(site), signed_in.visits

    site.expire()
    after = signed_in.run_program()

    assert after.code == 0, after.shown
    assert (counted().refreshes, counted().refused) == (1, ())
    assert signed_in.visits == visits


def test_the_library_serves_the_sdks_client_through_an_expiry(site: Site, signed_in: Home) -> None:
    """One connection all along: the client never learns that its token was another one halfway."""
    counted = Counted(site)

    async def call_twice(vault: Vault) -> list[Any]:
        async with (
            httpx2.AsyncClient(auth=vault.auth(site.server_url)) as http,
            Client(streamable_http_client(site.server_url, http_client=http)) as client,
        ):
            first = await client.call_tool("whoami")
            await anyio.to_thread.run_sync(site.expire)
            return [first.structured_content, (await client.call_tool("whoami")).structured_content]

    with signed_in.vault() as vault:
        first, second = anyio.run(call_twice, vault)

    assert first == second
    assert first["subject"] == "alice"
    assert (counted().refreshes, counted().refused) == (1, ())


def test_the_library_says_who_has_to_sign_in(site: Site, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    share_environment(home, monkeypatch)

    async def connect(vault: Vault) -> None:
        async with (
            httpx2.AsyncClient(auth=vault.auth(site.server_url)) as http,
            Client(streamable_http_client(site.server_url, http_client=http)),
        ):
            pass

    with home.vault() as vault, pytest.raises(Exception) as caught:  # noqa: PT011 -- whatever the SDK wraps it in
        anyio.run(connect, vault)

    error = find_error(caught.value)
    assert isinstance(error, LoginRequired)
    assert error.hint == f"handstamp login {NAME}"
    assert home.visits == 0


def test_an_outage_asks_nobody_to_sign_in_and_a_restart_ends_it(site: Site, signed_in: Home) -> None:
    """TE14. Every program here is a process of its own: ours restarted long ago."""
    counted, visits = Counted(site), signed_in.visits
    site.expire()

    site.stop()
    during = signed_in.run_program()
    site.start()
    after = signed_in.run_program()

    assert during.code == 1
    assert "login_required" not in during.err
    assert after.code == 0, after.shown
    assert (counted().refreshes, counted().refused) == (1, ())
    assert signed_in.visits == visits


def test_eight_programs_that_notice_at_once_refresh_once(site: Site, signed_in: Home) -> None:
    """TE9. Where reuse is detected, a second refresh would have ended the grant."""
    counted = Counted(site)
    site.expire()

    result = signed_in.run_program(processes=PROGRAMS)

    assert result.code == 0, result.shown
    assert (counted().refreshes, counted().refused, counted().ended_grants) == (1, (), 0)


def test_a_logout_forgets_and_says_whether_the_server_revoked(site: Site, signed_in: Home) -> None:
    """TE23. The SDK's server wants a client secret in the form, and gave none to put there."""
    counted = Counted(site)

    logout = signed_in.run("logout", NAME)
    afterwards = signed_in.run("token", NAME)

    if isinstance(site, OidcSite):
        assert logout.code == 0
        assert "Revoked at 127.0.0.1 and forgotten here" in logout.err
        assert (counted().revocations, counted().ended_grants) == (1, 1)
    else:
        assert logout.code == 1
        assert "Forgotten here; not revoked at 127.0.0.1" in logout.err
        assert (counted().revocations, counted().ended_grants) == (0, 0)
    assert afterwards.code == 4
    assert f"hint: handstamp login {NAME}" in afterwards.err


def test_a_person_who_declines_is_visited_once_and_may_change_their_mind(site: Site, home: Home) -> None:
    counted = Counted(site)
    home.deny()

    denied = home.run("login", NAME, "--json")
    visits = home.visits
    home.allow()
    home.log_in()

    assert denied.code == 1
    assert '"code": "access_denied"' in denied.err
    assert f"handstamp login {NAME}" in denied.err
    assert visits == 1
    assert home.visits == 2
    assert (counted().codes, counted().refused) == (1, ())


def test_a_grant_that_an_administrator_ended_leads_to_a_login_that_works(site: Site, signed_in: Home) -> None:
    """The hint is a command, and the command does what the hint promises. A refused refresh token is not sent again."""
    counted, visits = Counted(site), signed_in.visits
    site.end_grants()

    ended = signed_in.run_program()
    signed_in.log_in()
    after = signed_in.run_program()

    assert "login_required" in ended.err
    assert f"handstamp login {NAME}" in ended.err
    assert after.code == 0, after.shown
    assert signed_in.visits == visits + 1
    assert counted().refused == ("refresh_token invalid_grant",)


def test_a_forgotten_registration_is_made_anew_at_the_next_login(site: Site, signed_in: Home) -> None:
    """TE20."""
    counted, visits = Counted(site), signed_in.visits
    site.expire()
    site.forget_clients()

    forgotten = signed_in.run_program()
    signed_in.log_in()
    after = signed_in.run_program()

    assert "login_required" in forgotten.err
    assert f"handstamp login {NAME}" in forgotten.err
    assert after.code == 0, after.shown
    assert counted().registrations == 1
    assert signed_in.visits == visits + 1


def share_environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a vault of this process find the home's key."""
    for name in ("HANDSTAMP_KEY", "NO_PROXY"):
        monkeypatch.setenv(name, home.environment[name])
