"""`Vault.login` where something is stored already: asked of a person only where the server no longer honours it."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from authority import Authority, FormBrowser, Knobs, StartAuthority
from handstamp.stores.keys.encoding import encode_key
from handstamp.vault import Vault

KEY = encode_key(bytes(range(32)))


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    monkeypatch.setenv("HANDSTAMP_KEY", KEY)
    with Vault.open(state=tmp_path / "state", config=tmp_path / "config") as opened:
        yield opened


@pytest.fixture
def server(authority: StartAuthority, vault: Vault, form_browser: FormBrowser) -> Authority:
    """Signed in to once."""
    started = authority()
    vault.sync.login(started.server_url, browser=form_browser)
    return started


def test_a_grant_that_works_is_given_back_and_no_browser_opens(
    vault: Vault, server: Authority, form_browser: FormBrowser
) -> None:
    grant = vault.sync.login(server.server_url, browser=form_browser)

    assert grant == vault.grant(server.server_url)
    assert len(form_browser.opened) == 1
    assert server.refreshes == 0


def test_a_token_that_the_server_ended_is_renewed_and_no_browser_opens(
    vault: Vault, server: Authority, form_browser: FormBrowser
) -> None:
    server.expire_access_tokens()

    vault.sync.login(server.server_url, browser=form_browser)

    assert len(form_browser.opened) == 1
    assert server.refreshes == 1


def test_a_grant_that_the_server_ended_is_signed_in_anew(vault: Vault, server: Authority, form_browser: FormBrowser) -> None:
    """The stored token is young by the clock, and only the server knows better: whoever is told to sign in can."""
    server.revoke_everything()

    grant = vault.sync.login(server.server_url, browser=form_browser)

    assert grant is not None
    assert len(form_browser.opened) == 2


def test_a_sign_in_that_is_renewed_no_more_is_done_anew_while_its_token_is_good(
    vault: Vault, server: Authority, form_browser: FormBrowser
) -> None:
    """`status` says that it needs a login, so a login is what has to come of it."""
    grant = vault.grant(server.server_url)
    assert grant is not None
    vault._parts.store.save_grant(replace(grant, refused="fingerprint"))

    renewed = vault.sync.login(server.server_url, browser=form_browser)

    assert renewed is not None
    assert renewed.refused is None
    assert len(form_browser.opened) == 2


def test_a_registration_that_ends_soon_is_replaced_with_its_sign_in(
    vault: Vault, authority: StartAuthority, form_browser: FormBrowser
) -> None:
    """TE21, A-58: two days before its end, while it would still do for this login."""
    ends_at = int(time.time()) + 2 * 86_400
    server = authority(Knobs(auth_methods=("client_secret_post",), registration={"client_secret_expires_at": ends_at}))
    vault.sync.login(server.server_url, browser=form_browser)
    grant = vault.grant(server.server_url)
    assert grant is not None
    vault._parts.store.save_grant(replace(grant, granted_at=grant.granted_at - 88 * 86_400))

    vault.sync.login(server.server_url, browser=form_browser)

    assert (len(form_browser.opened), server.counts["registrations"]) == (2, 2)


def test_a_server_that_refuses_every_token_is_signed_in_to_anew(
    vault: Vault, server: Authority, form_browser: FormBrowser
) -> None:
    server.turn(always_401=True)

    vault.sync.login(server.server_url, browser=form_browser)

    assert len(form_browser.opened) == 2
    assert server.refreshes == 1


def test_a_server_that_does_not_answer_has_ended_nothing(vault: Vault, server: Authority, form_browser: FormBrowser) -> None:
    """Unknown is not refused."""
    server.turn(forbidden=True)

    vault.sync.login(server.server_url, browser=form_browser)

    assert len(form_browser.opened) == 1
