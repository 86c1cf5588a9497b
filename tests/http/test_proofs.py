"""Requests with a token that is bound to a key: a proof each, a nonce where it is wanted, and nothing of it for anybody else."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import anyio
import httpx
import httpx2
import pytest

from fakes import SERVER, HandMovedClock, ScriptedHttp, make_grant, no_credentials
from handstamp.errors import LoginRequired, ServerBrokeProtocol, ServerSaidNo
from handstamp.http.auth import Auth
from handstamp.model import Grant, Secret
from handstamp.protocol.exchange import Request, Response
from handstamp.protocol.jwt import generate_key
from handstamp.source import SourceSettings, TokenSource
from handstamp.stores.memory import MemoryStore
from proofs import Proof, ath, read_proof

KEY = generate_key(lambda length: b"\7" * length)


def bound(access: str, key: Secret) -> Grant:
    plain = make_grant(access=access)
    return replace(plain, token=replace(plain.token, token_type="DPoP", dpop_key=key))


class Resource:
    """Takes one bound token, each proof once, and the nonce that it wants just now."""

    def __init__(self, accepted: str = "at-0", *, nonce: str | None = None, next_nonce: str | None = None) -> None:
        self.accepted = accepted
        self.nonce = nonce
        self.next_nonce = next_nonce
        """Told with each answer."""
        self.proofs: list[Proof] = []

    def answer(self, request: Any) -> tuple[int, dict[str, str]]:
        scheme, _, token = request.headers["authorization"].partition(" ")
        proof = read_proof(request.headers["dpop"])
        assert scheme == "DPoP"
        assert (proof.claims["htm"], proof.claims["htu"]) == (request.method, SERVER)
        assert proof.claims["ath"] == ath(token)
        assert proof.claims["jti"] not in [seen.claims["jti"] for seen in self.proofs]
        self.proofs.append(proof)
        told = {} if self.next_nonce is None else {"dpop-nonce": self.next_nonce}
        if self.nonce is not None and proof.claims.get("nonce") != self.nonce:
            return 401, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": self.nonce}
        if token != self.accepted:
            return 401, {"www-authenticate": 'DPoP error="invalid_token"'} | told
        return 200, told

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        status, headers = self.answer(request)
        return httpx2.Response(status, headers=headers)

    def handle_httpx(self, request: httpx.Request) -> httpx.Response:
        status, headers = self.answer(request)
        return httpx.Response(status, headers=headers)

    @property
    def nonces(self) -> list[str | None]:
        return [proof.claims.get("nonce") for proof in self.proofs]


class Client:
    """A source with a bound grant, and an authorization server that gives `at-1` for it."""

    def __init__(self) -> None:
        self._chance = count()
        self.clock = HandMovedClock()
        self.store = MemoryStore()
        self.store.save_grant(bound("at-0", KEY))
        self.http = ScriptedHttp(self.refresh)
        self.source = TokenSource(
            SourceSettings("local", SERVER, "default", "example"),
            store=self.store,
            http=lambda: self.http,
            read_credentials=no_credentials,
            clock=self.clock,
            random=self.chance,
        )
        self.auth = Auth(self.source, server=SERVER, name="example")

    def chance(self, length: int) -> bytes:
        return next(self._chance).to_bytes(length, "big")

    def refresh(self, request: Request) -> Response:
        body = {"access_token": f"at-{len(self.http.requests)}", "token_type": "DPoP", "expires_in": 3600}
        return Response(200, (("content-type", "application/json"),), json.dumps(body).encode(), request.url, self.clock())

    def post(self, handler: Any, url: str = SERVER, **options: bool) -> httpx2.Response:
        with httpx2.Client(transport=httpx2.MockTransport(handler), auth=self.auth, **options) as client:  # type: ignore[arg-type]
            return client.post(url, content=b"question")


def test_each_request_of_each_client_bears_a_proof_of_its_own() -> None:
    """A-164: both libraries, sync and async."""
    client, resource = Client(), Resource()

    async def ask() -> list[int]:
        async with (
            httpx2.AsyncClient(transport=httpx2.MockTransport(resource.handle), auth=client.auth) as new,
            httpx.AsyncClient(transport=httpx.MockTransport(resource.handle_httpx), auth=client.auth) as old,
        ):
            return [(await new.get(f"{SERVER}?a=b")).status_code, (await old.post(SERVER)).status_code]

    with httpx.Client(transport=httpx.MockTransport(resource.handle_httpx), auth=client.auth) as old_sync:
        statuses = [client.post(resource.handle).status_code, old_sync.get(SERVER).status_code, *anyio.run(ask)]

    assert statuses == [200] * 4
    assert len({proof.jkt for proof in resource.proofs}) == 1
    assert client.http.requests == []


def test_fifty_requests_at_once_share_a_key_and_no_proof() -> None:
    """A-164: `jti` is unique, also where one nonce serves all."""
    client, resource = Client(), Resource(nonce="n-1")

    async def run() -> None:
        async with (
            httpx2.AsyncClient(transport=httpx2.MockTransport(resource.handle), auth=client.auth) as http,
            anyio.create_task_group() as group,
        ):
            for _ in range(50):
                group.start_soon(http.get, SERVER)

    anyio.run(run)

    assert len({proof.claims["jti"] for proof in resource.proofs}) == len(resource.proofs) >= 51
    assert resource.nonces.count("n-1") == 50
    assert client.http.requests == []


def test_a_nonce_costs_one_more_try_once_and_no_token() -> None:
    """A-165, RFC 9449 §9."""
    client, resource = Client(), Resource(nonce="n-1")

    statuses = [client.post(resource.handle).status_code for _ in range(2)]

    assert statuses == [200, 200]
    assert resource.nonces == [None, "n-1", "n-1"]
    assert client.http.requests == []


def test_a_nonce_that_any_answer_told_is_used_from_then_on() -> None:
    """RFC 9449 §8.2, §9."""
    client, resource = Client(), Resource(next_nonce="n-2")

    client.post(resource.handle)
    resource.nonce = "n-2"
    client.post(resource.handle)

    assert resource.nonces == [None, "n-2"]


def test_another_auth_object_of_the_vault_knows_the_nonce_too() -> None:
    client, resource = Client(), Resource(nonce="n-1")
    client.post(resource.handle)

    client.auth = Auth(client.source, server=SERVER, name="example")
    client.post(resource.handle)

    assert resource.nonces == [None, "n-1", "n-1"]


def test_a_401_beyond_the_nonce_costs_one_refresh_with_the_same_key() -> None:
    """A-104, A-164, RFC 9449 §5."""
    client, resource = Client(), Resource("at-1", nonce="n-1")

    response = client.post(resource.handle)

    assert response.status_code == 200
    assert resource.nonces == [None, "n-1", "n-1"]
    [refresh] = client.http.requests
    proof = dict(refresh.headers)["dpop"]
    assert not isinstance(proof, str)
    assert read_proof(proof.reveal()).jkt == resource.proofs[0].jkt
    stored = client.source.grant()
    assert stored is not None
    assert stored.token.dpop_key == KEY


def test_a_server_that_refuses_the_new_token_too_needs_a_person() -> None:
    """TF7."""
    client, resource = Client(), Resource("another")

    with pytest.raises(LoginRequired):
        client.post(resource.handle)

    assert len(resource.proofs) == 2


def test_a_server_that_wants_another_nonce_each_time_is_told_so_and_costs_no_token() -> None:
    """TE22."""
    client, nonces = Client(), count()

    def handle(request: httpx2.Request) -> httpx2.Response:
        headers = {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": f"n-{next(nonces)}"}
        return httpx2.Response(401, headers=headers)

    with pytest.raises(ServerBrokeProtocol, match="got the demand for another"):
        client.post(handle)

    assert next(nonces) == 2
    assert client.http.requests == []


def test_a_proof_that_is_not_taken_costs_no_token() -> None:
    """A wrong clock: no other token would help."""
    client = Client()

    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(401, headers={"www-authenticate": 'DPoP error="invalid_dpop_proof", algs="ES256"'})

    with pytest.raises(ServerSaidNo, match="Is the clock of this machine right") as caught:
        client.post(handle)

    assert caught.value.error == "invalid_dpop_proof"
    assert client.http.requests == []


def test_another_origin_gets_neither_token_nor_proof() -> None:
    """TF1, A-103."""
    client = Client()

    response = client.post(lambda request: httpx2.Response(200, json=dict(request.headers)), "https://other.example/mcp")

    assert not {"authorization", "dpop"} & set(response.json())


def test_a_client_that_asks_before_each_hop_takes_no_proof_along() -> None:
    """TF1, A-103: as the MCP SDK's transport follows a redirect."""
    client = Client()

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "mcp.example":
            return httpx2.Response(307, headers={"location": "https://evil.example/mcp"})
        return httpx2.Response(200, json=dict(request.headers))

    with httpx2.Client(transport=httpx2.MockTransport(handle), auth=client.auth) as http:
        redirect = http.get(SERVER)
        assert redirect.next_request is not None
        elsewhere = http.send(redirect.next_request)

    assert "dpop" in redirect.request.headers
    assert not {"authorization", "dpop"} & set(elsewhere.json())


def test_a_client_that_follows_by_itself_takes_no_token_along_and_hears_no_nonce() -> None:
    """TF1: the proof that it takes is worth nothing without the token, and a stranger's nonce is not signed."""
    client, seen = Client(), list[httpx2.Request]()

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if request.url.host == "mcp.example":
            return httpx2.Response(307, headers={"location": "https://evil.example/mcp"})
        return httpx2.Response(401, headers={"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "evil"})

    client.post(handle, follow_redirects=True)
    resource = Resource()
    client.post(resource.handle)

    assert [request.url.host for request in seen] == ["mcp.example", "evil.example"]
    assert "authorization" not in seen[1].headers
    assert resource.nonces == [None]


def test_a_new_sign_in_s_token_is_proved_by_its_own_key() -> None:
    """A token and its key are one value: nothing that is stored in between can part them."""
    client, resource = Client(), Resource("at-new")
    first = client.source.prover(client.source.token(), SERVER)
    grant = client.store.find_grant("local", SERVER, "default")
    assert grant is not None
    other = generate_key(lambda length: b"\x09" * length)
    client.store.save_grant(
        replace(make_grant(access="at-new"), token=replace(make_grant(access="at-new").token, dpop_key=other))
    )
    client.source.look_again()

    client.post(resource.handle)

    assert first is not None
    assert resource.proofs[0].jkt != first.thumbprint


def test_a_bearer_token_gets_no_proof() -> None:
    """4.11."""
    client = Client()
    client.store.save_grant(make_grant())

    response = client.post(lambda request: httpx2.Response(200, json=dict(request.headers)))

    assert response.json()["authorization"] == "Bearer at-0"
    assert "dpop" not in response.json()
