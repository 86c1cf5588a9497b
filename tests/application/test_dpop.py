"""Tokens that are bound to a key, from the sign-in to the refresh, against servers that check every proof and take it once."""

import os
import time
from dataclasses import replace
from pathlib import Path

import anyio
import httpx2
import pytest

from authority import Authority, FormBrowser, Knobs, StartAuthority
from fakes import SERVER, make_grant
from handstamp.cli import run
from handstamp.errors import MalformedResponse, ServerBrokeProtocol
from handstamp.protocol.jwt import generate_key
from handstamp.vault import Vault
from proofs import read_proof
from weaknesses.machine import Person

BOUND = Knobs(dpop=True)
BOUND_WITH_NONCES = Knobs(dpop=True, authority_nonce="a-1", server_nonce="s-1")
STAMP: dict[str, object] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "stamp", "arguments": {"text": "x"}},
}
PING: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def sign_in(vault: Vault, site: Authority, *, again: bool = False) -> None:
    assert vault.sync.login(site.server_url, browser=FormBrowser(), again=again) is not None


def call(vault: Vault, site: Authority) -> int:
    with httpx2.Client(auth=vault.auth(site.server_url), trust_env=False) as client:
        return client.post(site.server_url, json=PING).status_code


def keys_proved(site: Authority, path: str) -> list[str]:
    return [read_proof(seen.headers["dpop"]).jkt for seen in site.requests_to(path) if "dpop" in seen.headers]


def test_one_key_serves_the_sign_in_the_requests_and_the_refresh(vault: Vault, home: Path, authority: StartAuthority) -> None:
    """A-164, A-165, A-166: and another program that opens the vault."""
    site = authority(BOUND_WITH_NONCES)

    sign_in(vault, site)
    first = call(vault, site)
    site.expire_access_tokens()
    with Vault.open(state=home / "state", config=home / "config") as restarted:
        second = call(restarted, site)

    assert (first, second) == (200, 200)
    assert site.counts["token_requests"] == {"authorization_code": 2, "refresh_token": 2}
    [authorization] = site.requests_to("/authorize")
    keys = {*keys_proved(site, "/token"), *keys_proved(site, "/mcp"), authorization.query["dpop_jkt"]}
    assert len(keys) == 1
    assert not any("bearer" in seen.headers.get("authorization", "").lower() for seen in site.log)


def test_a_request_that_starts_a_sign_in_and_one_that_starts_a_step_up_get_bound_tokens(
    vault: Vault, authority: StartAuthority
) -> None:
    """A-111, A-164: the challenge is enough, and it is heard in the answer to the request."""
    unsaid = {"dpop_bound_access_tokens_required": None}
    site = authority(Knobs(dpop=True, resource_metadata=unsaid, insufficient_scope="admin", server_nonce="s-1"))
    vault._parts.browser = FormBrowser
    statuses: list[int] = []

    with httpx2.Client(auth=vault.auth(site.server_url, presenter=Person()), trust_env=False) as client:
        statuses += [client.post(site.server_url, json=message).status_code for message in (PING, STAMP)]

    grant = vault.grant(site.server_url)
    assert grant is not None
    assert statuses == [200, 200]
    assert (grant.token.token_type, "admin" in grant.scopes) == ("DPoP", True)
    assert site.counts["authorization_requests"] == 2
    assert site.refreshes == 0


def test_the_key_is_sealed(vault: Vault, home: Path, authority: StartAuthority) -> None:
    """A-166: as durable as the refresh token, and as well kept."""
    sign_in(vault, authority(BOUND))

    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())

    assert written
    assert b"PRIVATE KEY" not in written
    assert b"DPoP" not in written


def test_each_sign_in_has_a_key_of_its_own(vault: Vault, authority: StartAuthority) -> None:
    """RFC 9449 §10: then the code is safe too."""
    site = authority(BOUND)

    sign_in(vault, site)
    sign_in(vault, site, again=True)

    names = [seen.query["dpop_jkt"] for seen in site.requests_to("/authorize")]
    assert names == keys_proved(site, "/token")
    assert len(set(names)) == 2


def test_whoever_is_signed_in_is_told_so_and_a_nonce_is_no_refusal(vault: Vault, authority: StartAuthority) -> None:
    """A-165: the look before a login shows the token with its proof."""
    site = authority(BOUND_WITH_NONCES)
    sign_in(vault, site)

    site.turn(server_nonce="s-2")
    sign_in(vault, site)

    assert site.counts["authorization_requests"] == 1
    assert site.refreshes == 0


def test_many_tasks_of_one_grant_get_through_a_change_of_nonce(vault: Vault, authority: StartAuthority) -> None:
    """A-164, A-165: the server takes no proof twice."""
    site, statuses = authority(BOUND), list[int]()
    sign_in(vault, site)
    site.turn(server_nonce="s-1")

    async def ask(client: httpx2.AsyncClient) -> None:
        statuses.append((await client.post(site.server_url, json=PING)).status_code)

    async def run_all() -> None:
        async with (
            httpx2.AsyncClient(auth=vault.auth(site.server_url), trust_env=False) as client,
            anyio.create_task_group() as group,
        ):
            for _ in range(20):
                group.start_soon(ask, client)

    anyio.run(run_all)

    assert statuses == [200] * 20
    assert site.refreshes == 0


def test_a_server_that_binds_nothing_in_spite_of_its_word_signs_nobody_in(vault: Vault, authority: StartAuthority) -> None:
    """TE3, RFC 9449 §5."""
    site = authority(Knobs(dpop=True, token_type="Bearer"))

    with pytest.raises(MalformedResponse, match='Expected token_type "DPoP"'):
        sign_in(vault, site)

    assert vault.grants() == []


def test_nobody_signs_in_for_a_token_that_would_be_refused(vault: Vault, authority: StartAuthority) -> None:
    """4.11."""
    site = authority(Knobs(dpop=True, server_metadata={"dpop_signing_alg_values_supported": ["RS256"]}))

    with pytest.raises(ServerBrokeProtocol, match="Expected DPoP with ES256"):
        sign_in(vault, site)

    assert site.requests_to("/authorize") == []


def test_a_server_that_does_not_ask_for_it_gets_a_bearer_token(vault: Vault, authority: StartAuthority) -> None:
    """4.11: the authorization server speaks for all of its resources."""
    site = authority(Knobs(server_metadata={"dpop_signing_alg_values_supported": ["ES256"]}))

    sign_in(vault, site)

    assert not any("dpop" in seen.headers for seen in site.log)
    assert "dpop_jkt" not in site.requests_to("/authorize")[0].query


@pytest.mark.parametrize("command", ["token", "headers"])
def test_no_command_prints_a_token_that_nobody_else_can_use(
    command: str, vault: Vault, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """4.11: a proof is for one request."""
    plain = make_grant(obtained_at=time.time())
    bound = replace(plain.token, token_type="DPoP", dpop_key=generate_key(os.urandom))
    vault._parts.store.save_grant(replace(plain, token=bound))
    monkeypatch.setenv("HANDSTAMP_STATE_DIR", str(home / "state"))
    monkeypatch.setenv("HANDSTAMP_CONFIG_DIR", str(home / "config"))

    code = run([command, SERVER])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert "bound to a key (DPoP): each request needs a proof of its own" in said.err
    assert f"hint: handstamp tools {SERVER}" in said.err
