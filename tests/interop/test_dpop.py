"""Tokens that are bound to a key, at somebody else's authorization server, with and without nonces."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from handstamp.model import Grant
from interop.home import NAME, Home
from interop.servers import OidcSite, oidc

pytestmark = pytest.mark.interop


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(False, id="plain", marks=pytest.mark.xdist_group("dpop")),
        pytest.param(True, id="nonces", marks=pytest.mark.xdist_group("dpop, nonces")),
    ],
)
def site(request: pytest.FixtureRequest) -> Iterator[OidcSite]:
    with oidc(dpop=True, dpop_nonces=request.param, always_refresh=True) as started:
        yield started


@pytest.fixture
def home(site: OidcSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    started = Home(tmp_path, site.server_url)
    monkeypatch.setenv("HANDSTAMP_KEY", started.environment["HANDSTAMP_KEY"])
    return started


def grant_of(home: Home) -> Grant:
    with home.vault() as vault:
        grant = vault.grant(NAME)
    assert grant is not None
    return grant


def test_one_sign_in_one_key_through_every_expiry(site: OidcSite, home: Home) -> None:
    """A-164, A-165, A-166. A public client's refresh token is bound too, and so need not rotate."""
    before = site.counts()

    home.log_in()
    first, told = grant_of(home), home.who_am_i()
    site.expire()
    after = home.run_program(processes=4)
    second = grant_of(home)
    counts = site.counts()

    assert told["subject"] == "alice"
    assert after.code == 0, after.shown
    assert (counts.codes - before.codes, counts.refreshes - before.refreshes) == (1, 1)
    assert [refused for refused in counts.refused[len(before.refused) :] if not refused.endswith("use_dpop_nonce")] == []
    assert first.token.token_type == second.token.token_type == "DPoP"
    assert first.token.dpop_key == second.token.dpop_key is not None
    assert first.token.refresh_token == second.token.refresh_token
    assert first.token.access_token != second.token.access_token


def test_a_second_login_finds_the_first_and_no_command_prints_the_token(home: Home) -> None:
    """4.11."""
    home.log_in()

    again = home.run("login", NAME)
    tools = home.run("tools", NAME, "--json")
    token = home.run("token", NAME)

    assert (again.code, home.visits) == (0, 1), again.shown
    assert [tool["name"] for tool in tools.document["tools"]] == ["whoami"]
    assert (token.code, token.out) == (2, "")
    assert f"hint: handstamp tools {NAME}" in token.err
