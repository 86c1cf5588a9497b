"""The front door, from a login to a logout, against a real authorization server on loopback."""

import threading
from pathlib import Path
from typing import Literal, cast

import anyio
import httpx2
import pytest

from authority import Authority, FormBrowser, Knobs, StartAuthority
from handstamp.errors import (
    AccessDenied,
    ForbiddenAddress,
    HandstampError,
    IssuerMismatch,
    LoginRequired,
    LoginTimedOut,
    PkceUnsupported,
    RegistrationRejected,
    StepUpRequired,
    TemporarilyUnavailable,
    UsageError,
    find_error,
)
from handstamp.model import ClientSettings, RegistrationKind, Status
from handstamp.settings import ServerSettings
from handstamp.vault import Vault

PING: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
CALL: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "stamp"}}


class NoBrowser:
    """A machine without one."""

    def open(self, url: str) -> bool:
        return False


def sign_in(vault: Vault, site: Authority, **options: object) -> None:
    grant = vault.sync.login(site.server_url, browser=FormBrowser(), **options)  # type: ignore[arg-type]
    assert grant is not None


def call(vault: Vault, site: Authority, message: dict[str, object] = PING) -> int:
    with httpx2.Client(auth=vault.auth(site.server_url), trust_env=False) as client:
        return client.post(site.server_url, json=message).status_code


def test_signed_in_once_a_client_works_and_a_new_process_too(vault: Vault, home: Path, authority: StartAuthority) -> None:
    """The main job."""
    site = authority()

    sign_in(vault, site)
    first = call(vault, site)
    with Vault.open(state=home / "state", config=home / "config") as restarted:
        second = call(restarted, site)

    assert (first, second) == (200, 200)
    assert site.counts["token_requests"] == {"authorization_code": 1}


def test_a_login_is_five_requests_and_one_for_the_answer(vault: Vault, authority: StartAuthority) -> None:
    """Probe, two metadata documents, registration, the browser's own, token; then the first answer."""
    site = authority()

    sign_in(vault, site)
    call(vault, site)

    ours = [seen.path for seen in site.log if not seen.path.startswith(("/authorize", "/callback"))]
    assert len(ours) == 6


def test_an_expired_token_is_renewed_without_a_word(vault: Vault, authority: StartAuthority) -> None:
    site = authority()
    sign_in(vault, site)
    site.expire_access_tokens()

    assert call(vault, site) == 200
    assert site.refreshes == 1


def test_sync_and_async_have_the_same_names_and_the_same_token(vault: Vault, authority: StartAuthority) -> None:
    site = authority()

    async def sign_in_and_ask() -> str:
        grant = await vault.login(site.server_url, browser=FormBrowser())
        assert grant is not None
        return (await vault.token(site.server_url)).access_token.reveal()

    assert anyio.run(sign_in_and_ask) == vault.sync.token(site.server_url).access_token.reveal()


def test_the_blocking_login_works_inside_a_running_event_loop(vault: Vault, authority: StartAuthority) -> None:
    """A notebook's cell, a callback of a framework: the thread has a loop, and the caller wants to block."""
    site = authority()

    async def block() -> None:
        sign_in(vault, site)

    anyio.run(block)

    assert vault.grant(site.server_url) is not None


def test_signing_in_again_gives_the_working_grant_without_a_browser(vault: Vault, authority: StartAuthority) -> None:
    site = authority()
    sign_in(vault, site)
    asked = site.counts

    grant = vault.sync.login(site.server_url, browser=NoBrowser())

    assert grant is not None
    assert site.counts == asked


def test_a_dynamic_registration_is_used_again(vault: Vault, authority: StartAuthority) -> None:
    site = authority()
    sign_in(vault, site)

    sign_in(vault, site, again=True)

    assert site.counts["registrations"] == 1


def test_accounts_of_one_server_stand_side_by_side(vault: Vault, authority: StartAuthority) -> None:
    """Decision 7."""
    site = authority()

    sign_in(vault, site)
    sign_in(vault, site, account="work")

    assert sorted(grant.key.account for grant in vault.grants()) == ["default", "work"]


def test_owners_do_not_see_each_other_s_grants(vault: Vault, authority: StartAuthority) -> None:
    """TI1."""
    site = authority()
    sign_in(vault, site, owner="alice")

    assert vault.grants(owner="bob") == []
    with pytest.raises(LoginRequired):
        vault.sync.token(site.server_url, owner="bob")


def test_an_open_server_needs_no_signing_in(vault: Vault, authority: StartAuthority) -> None:
    """A-01."""
    site = authority(Knobs(open_server=True))

    assert vault.sync.login(site.server_url, browser=NoBrowser()) is None
    assert call(vault, site) == 200


def test_a_confidential_client_reads_its_secret_anew_and_stores_none_of_it(
    vault: Vault, home: Path, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W12, A-41, A-95."""
    site = authority(Knobs(clients={"app": "s3cr:t+/&"}, auth_methods=("client_secret_basic",), no_registration_endpoint=True))
    monkeypatch.setenv("APP_SECRET", "s3cr:t+/&")
    (home / "config").mkdir()
    (home / "config" / "servers.toml").write_text(
        f'[servers.app]\nurl = "{site.server_url}"\nclient_id = "app"\nclient_secret_from = "env:APP_SECRET"\n'
        f'issuer = "{site.issuer}"\n'
    )
    with Vault.open(state=home / "state", config=home / "config") as configured:
        grant = configured.sync.login("app", browser=FormBrowser())
        site.expire_access_tokens()
        answer = call(configured, site)

    assert grant is not None
    assert grant.registration.kind is RegistrationKind.PRE_REGISTERED
    assert grant.registration.client_secret is None
    assert answer == 200
    assert all(b"s3cr" not in file.read_bytes() for file in (home / "state").rglob("*") if file.is_file())


def test_a_server_that_a_program_brings_is_found_by_any_spelling_of_its_url(home: Path) -> None:
    """Else its client would be left out without a word, and another one registered."""
    server = ServerSettings("reports", "HTTPS://Example.com:443/mcp", ClientSettings(client_id="mine"))

    with Vault.open(state=home / "state", config=home / "config", servers=[server]) as vault:
        found = vault.settings.find("https://example.com/mcp")

    assert (found.name, found.client.client_id) == ("reports", "mine")


@pytest.mark.parametrize(
    ("knobs", "error"),
    [
        (Knobs(deny=True), AccessDenied),
        (Knobs(issuer_in_metadata="https://other.example"), HandstampError),
        (Knobs(no_s256=True), PkceUnsupported),
        (Knobs(iss="wrong"), IssuerMismatch),
        (Knobs(iss="missing"), IssuerMismatch),
        (Knobs(no_registration_endpoint=True), RegistrationRejected),
        (Knobs(token_status=503), TemporarilyUnavailable),
    ],
    ids=["denied", "issuer", "pkce", "iss", "no iss", "no registration", "503"],
)
def test_a_login_that_fails_says_why_and_costs_nothing(
    knobs: Knobs, error: type[HandstampError], vault: Vault, authority: StartAuthority
) -> None:
    """W16: what was there before stays, and the next login works."""
    site = authority()
    sign_in(vault, site)
    before = vault.grant(site.server_url)
    site.turn(**{name: getattr(knobs, name) for name in Knobs.__slots__})

    with pytest.raises(error) as caught:
        vault.sync.login(site.server_url, browser=FormBrowser(), again=True)

    assert caught.value.hint is not None
    assert vault.grant(site.server_url) == before
    site.turn(**{name: getattr(Knobs(), name) for name in Knobs.__slots__})
    sign_in(vault, site, again=True)


def test_a_login_that_nobody_finishes_times_out_and_can_be_started_again(vault: Vault, authority: StartAuthority) -> None:
    """W3, W16: the deadline is the person's, and ends nothing else."""
    site = authority()

    with pytest.raises(LoginTimedOut):
        vault.sync.login(site.server_url, browser=NoBrowser(), deadline=0.05)

    sign_in(vault, site)


def test_a_scope_that_the_grant_lacks_asks_for_a_step_up_and_getting_it_keeps_the_rest(
    vault: Vault, authority: StartAuthority
) -> None:
    """A-111, A-114."""
    site = authority(Knobs())
    sign_in(vault, site, scopes=("read",))
    site.turn(insufficient_scope="admin")

    with pytest.raises(StepUpRequired) as caught:
        call(vault, site, CALL)

    assert caught.value.scopes == ("read", "offline_access", "admin")
    site.turn(insufficient_scope=None)
    sign_in(vault, site, scopes=caught.value.scopes)
    assert set(vault.grants()[0].scopes) >= {"read", "admin"}


def test_logout_revokes_forgets_and_says_so(vault: Vault, authority: StartAuthority) -> None:
    """RFC 7009."""
    site = authority()
    sign_in(vault, site)

    reports = vault.sync.logout(site.server_url)

    assert [report.revoked for report in reports] == [True]
    assert site.counts["active_families"] == 0
    assert vault.grants() == []
    assert vault.sync.logout(site.server_url) == []


def test_logout_forgets_even_where_the_server_does_not_revoke(vault: Vault, authority: StartAuthority) -> None:
    """TE23."""
    site = authority(Knobs(revocation_status=503))
    sign_in(vault, site)

    reports = vault.sync.logout(site.server_url)

    assert [report.revoked for report in reports] == [False]
    assert reports[0].reason
    assert vault.grants() == []


def test_two_vaults_that_notice_one_expiry_send_one_refresh(vault: Vault, home: Path, authority: StartAuthority) -> None:
    """W14, within a process: two programs' worth of sources over one file."""
    site = authority()
    sign_in(vault, site)
    site.expire_access_tokens()
    statuses: list[int] = []
    with Vault.open(state=home / "state", config=home / "config") as other:
        threads = [threading.Thread(target=lambda each=each: statuses.append(call(each, site))) for each in (vault, other) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

    assert statuses == [200] * 8
    assert site.refreshes == 1


def test_find_error_looks_through_groups_and_causes() -> None:
    """P25: the SDK's task groups wrap what we raise."""
    error = LoginRequired("x asks you to sign in.")
    wrapped = RuntimeError("outer")
    wrapped.__cause__ = ExceptionGroup("group", [ValueError("no"), ExceptionGroup("inner", [error])])

    assert find_error(wrapped) is error
    assert find_error(ValueError("nothing of ours")) is None


def test_a_status_follows_the_clock(vault: Vault, authority: StartAuthority) -> None:
    site = authority(Knobs(expires_in=3600))
    sign_in(vault, site)
    grant = vault.grant(site.server_url)
    assert grant is not None

    at = [Status.of(grant, grant.token.obtained_at + seconds) for seconds in (0, 3000, 3700)]

    assert at == [Status.SIGNED_IN, Status.RENEWS_SOON, Status.EXPIRED]
    assert Status.of(None, 0) is Status.NOT_SIGNED_IN


def test_a_word_for_the_network_that_is_none_is_an_error_and_no_open_door(home: Path) -> None:
    with pytest.raises(UsageError, match="Public"):
        Vault.open(state=home / "state", config=home / "config", network=cast("Literal['public']", "Public"))


@pytest.mark.anyio
async def test_a_platform_connects_to_no_server_inside_with_its_own_client_either(home: Path) -> None:
    """A-118, 4.13, TA2."""
    with Vault.open(state=home / "state", config=home / "config", network="public") as vault:
        async with httpx2.AsyncClient(transport=vault.transport("https://127.0.0.1/mcp"), trust_env=False) as http:
            with pytest.raises(ForbiddenAddress):
                await http.get("https://127.0.0.1/mcp")
