"""DPoP: when a token is bound to a key, what proves that key, and how a server's nonce gets into the proof."""

import json
from itertools import count

import pytest

from fakes import HandMovedClock
from handstamp.errors import MalformedResponse, ServerBrokeProtocol, ServerSaidNo, UsageError
from handstamp.model import Secret, Token
from handstamp.protocol.challenge import parse_challenges
from handstamp.protocol.client_auth import NO_CREDENTIALS, Credentials
from handstamp.protocol.discovery import probe_server
from handstamp.protocol.dpop import Prover, judge_dpop, token_headers
from handstamp.protocol.exchange import Response
from handstamp.protocol.jwt import Signer, generate_key, parse_signing_key
from handstamp.protocol.resource import ProtectedResource
from handstamp.protocol.tokens import ask_for_token, refresh_token
from proofs import Proof, ath, read_proof
from protocol.wire import (
    ISSUER,
    SERVER,
    Answer,
    Wire,
    a_grant,
    a_registration,
    a_server,
    form_of,
    headers_of,
    json_response,
    status_response,
)

TOKEN = f"{ISSUER}/token"
RFC_KEY = """{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
"y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"""


class Chance:
    """Other bytes each time, the same in each run."""

    def __init__(self) -> None:
        self._next = count(1)

    def __call__(self, length: int) -> bytes:
        return next(self._next).to_bytes(length, "big")


KEY = generate_key(Chance())


def a_prover() -> Prover:
    return Prover(KEY, clock=HandMovedClock(), random=Chance())


def a_bound_token() -> Token:
    return Token(Secret("bound-access"), 0.0, 3600.0, Secret("bound-refresh"), "DPoP", KEY)


def proof_of(headers: dict[str, str]) -> Proof:
    return read_proof(headers["dpop"])


def a_nonce(nonce: str, status: int = 400) -> Response:
    return json_response({"error": "use_dpop_nonce"}, status, headers=[("dpop-nonce", nonce)])


def a_nonce_challenge(*nonces: str) -> Response:
    headers = [("www-authenticate", 'Bearer, DPoP algs="ES256", error="use_dpop_nonce"')]
    return status_response(401, *headers, *(("dpop-nonce", nonce) for nonce in nonces))


# When it is used


ASKING = {
    "requires it": (ProtectedResource(SERVER, (ISSUER,), dpop_bound_access_tokens_required=True), ""),
    "lists algorithms": (ProtectedResource(SERVER, (ISSUER,), dpop_signing_alg_values_supported=("RS256", "ES256")), ""),
    "challenges with it": (ProtectedResource(SERVER, (ISSUER,)), "DPoP"),
    "challenges with either": (ProtectedResource(SERVER, (ISSUER,)), 'Bearer, DPoP algs="ES256 PS256"'),
}


@pytest.mark.parametrize("asking", ASKING)
def test_a_token_is_bound_where_both_servers_are_for_it(asking: str) -> None:
    """A-164, 4.11."""
    resource, challenge = ASKING[asking]

    server = a_server(dpop_signing_alg_values_supported=("RS256", "ES256"))

    assert judge_dpop(server, resource, parse_challenges([challenge]))


def test_no_token_is_bound_that_the_resource_does_not_want_so() -> None:
    """4.11: an authorization server lists its algorithms for all resources."""
    server = a_server(dpop_signing_alg_values_supported=("ES256",))

    assert not judge_dpop(server, ProtectedResource(SERVER, (ISSUER,)), parse_challenges(['Bearer scope="a"']))


@pytest.mark.parametrize("listed", [None, (), ("RS256",)])
@pytest.mark.parametrize("asking", ["lists algorithms", "challenges with either"])
def test_a_resource_that_takes_bearer_too_gets_it_where_the_authorization_server_cannot(
    asking: str, listed: tuple[str, ...] | None
) -> None:
    """4.11, A-166."""
    resource, challenge = ASKING[asking]

    server = a_server(dpop_signing_alg_values_supported=listed)

    assert not judge_dpop(server, resource, parse_challenges([challenge]))


@pytest.mark.parametrize("listed", [None, ("RS256",)])
@pytest.mark.parametrize("asking", ["requires it", "challenges with it"])
def test_a_resource_that_takes_nothing_else_is_an_error_before_anybody_signs_in(
    asking: str, listed: tuple[str, ...] | None
) -> None:
    """4.11: a bearer token would be refused for ever."""
    resource, challenge = ASKING[asking]
    server = a_server(dpop_signing_alg_values_supported=listed)

    with pytest.raises(ServerBrokeProtocol, match=r"Expected DPoP with ES256.*got other algorithms or none"):
        judge_dpop(server, resource, parse_challenges([challenge]))


@pytest.mark.parametrize(
    ("resource", "challenge"),
    [
        (ProtectedResource(SERVER, (ISSUER,), dpop_signing_alg_values_supported=("RS256",)), ""),
        (ProtectedResource(SERVER, (ISSUER,)), 'Bearer, DPoP algs="RS256 EdDSA"'),
    ],
)
def test_an_algorithm_that_the_resource_does_not_take_is_not_used(resource: ProtectedResource, challenge: str) -> None:
    """A-166, RFC 9449 §7.1."""
    server = a_server(dpop_signing_alg_values_supported=("ES256",))

    assert not judge_dpop(server, resource, parse_challenges([challenge]))


# What a proof says


def test_a_proof_is_of_one_request_and_shows_the_public_key_alone() -> None:
    """A-164, A-166, RFC 9449 §4.2."""
    proof = read_proof(a_prover().prove("POST", f"{SERVER}?page=2#top").reveal())

    assert proof.header["alg"] == "ES256"
    assert proof.claims == {"htm": "POST", "htu": SERVER, "iat": 1_000_000, "jti": proof.claims["jti"]}
    assert len(proof.claims["jti"]) == 32


def test_a_proof_names_the_token_that_goes_along() -> None:
    """A-164. The hash is the one of RFC 9449 §7.1's example."""
    token = Secret("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")

    proof = read_proof(a_prover().prove("GET", "https://mcp.example", token).reveal())

    assert proof.claims["ath"] == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" == ath(token.reveal())
    assert proof.claims["htu"] == "https://mcp.example/"


def test_no_two_proofs_are_alike() -> None:
    """A-164."""
    prover = a_prover()

    identifiers = {read_proof(prover.prove("GET", SERVER).reveal()).claims["jti"] for _ in range(20)}

    assert len(identifiers) == 20


def test_a_key_is_called_by_its_thumbprint() -> None:
    """RFC 7638; the key and its name are those of RFC 9449 §4.2 and §6.1."""
    prover = a_prover()
    prover._jwk = json.loads(RFC_KEY)
    prover._jwk = {name: prover._jwk[name] for name in ("crv", "kty", "x", "y")}

    assert prover.thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert a_prover().thumbprint == read_proof(a_prover().prove("GET", SERVER).reveal()).jkt


def test_a_prover_shows_neither_its_key_nor_its_proofs() -> None:
    """A-166."""
    prover = a_prover()

    assert "PRIVATE" not in f"{prover!r} {vars(prover)!r} {a_bound_token()!r}"
    assert str(prover.prove("GET", SERVER)) == "***"


def test_a_key_of_another_kind_proves_nothing() -> None:
    with pytest.raises(UsageError):
        Prover(Secret("no key"), clock=HandMovedClock(), random=Chance())


def test_a_bearer_token_goes_alone_and_a_bound_one_never() -> None:
    """A-164, RFC 9449 §7.1."""
    plain = token_headers("GET", SERVER, Token(Secret("plain"), 0.0), None)
    bound = token_headers("GET", SERVER, a_bound_token(), a_prover())

    assert plain == (("authorization", Secret("Bearer plain")),)
    assert dict(bound)["authorization"] == Secret("DPoP bound-access")
    assert [name for name, _ in bound] == ["authorization", "dpop"]


# The token endpoint


def refresh(*answers: Answer) -> tuple[Token, Wire]:
    wire = Wire({TOKEN: list(answers)})
    grant = a_grant(token=a_bound_token())
    return wire.run(refresh_token(grant, NO_CREDENTIALS, a_prover())).token, wire


def a_bound_answer(**members: object) -> Response:
    return json_response({"access_token": "new-access", "token_type": "DPoP", **members})


@pytest.mark.parametrize("token_type", ["DPoP", "dpop"])
def test_a_token_that_was_asked_for_with_a_proof_is_bound_to_its_key(token_type: str) -> None:
    """A-164, A-96, RFC 9449 §5: the key of a refresh is the one of the first token."""
    token, wire = refresh(a_bound_answer(token_type=token_type))

    [request] = wire.requests
    proof = proof_of(headers_of(request))
    assert (proof.claims["htm"], proof.claims["htu"]) == ("POST", TOKEN)
    assert "ath" not in proof.claims
    assert (token.token_type, token.dpop_key, token.refresh_token) == ("DPoP", KEY, Secret("bound-refresh"))


@pytest.mark.parametrize("token_type", ["Bearer", "N_A", None])
def test_a_token_that_is_not_bound_in_spite_of_a_proof_is_refused(token_type: str | None) -> None:
    """TE3: a downgrade, where both servers said that they do better."""
    with pytest.raises(MalformedResponse, match='Expected token_type "DPoP"'):
        refresh(a_bound_answer(token_type=token_type))


@pytest.mark.parametrize("status", [400, 401])
def test_a_nonce_that_the_authorization_server_wants_is_signed_at_the_second_try(status: int) -> None:
    """A-165, RFC 9449 §8."""
    _, wire = refresh(a_nonce("n-1", status), a_bound_answer())

    first, second = [proof_of(headers_of(request)) for request in wire.requests]
    assert "nonce" not in first.claims
    assert second.claims["nonce"] == "n-1"
    assert first.claims["jti"] != second.claims["jti"]
    assert form_of(wire.requests[0]) == form_of(wire.requests[1])


def test_a_server_that_wants_another_nonce_each_time_is_asked_twice() -> None:
    """TE22."""
    wire = Wire({TOKEN: [a_nonce("n-1"), a_nonce("n-2"), a_bound_answer()]})

    with pytest.raises(ServerSaidNo) as caught:
        wire.run(refresh_token(a_grant(token=a_bound_token()), NO_CREDENTIALS, a_prover()))

    assert caught.value.error == "use_dpop_nonce"
    assert len(wire.requests) == 2


def test_a_nonce_that_comes_with_a_success_is_for_the_next_request() -> None:
    """RFC 9449 §8.2."""
    prover, grant = a_prover(), a_grant(token=a_bound_token())
    given = json_response(
        {"access_token": "new-access", "token_type": "DPoP", "refresh_token": "r"}, headers=[("dpop-nonce", "n-9")]
    )
    wire = Wire({TOKEN: given})

    for _ in range(2):
        wire.run(refresh_token(grant, NO_CREDENTIALS, prover))

    assert [proof_of(headers_of(request)).claims.get("nonce") for request in wire.requests] == [None, "n-9"]


@pytest.mark.parametrize("nonces", [(), ("a", "b"), ("",), ("with space",), ('quo"te',), ("ü",), ("n" * 1025,)])
def test_a_nonce_that_is_none_is_not_signed_and_brings_no_second_try(nonces: tuple[str, ...]) -> None:
    """RFC 9449 §8, §8.1."""
    refused = json_response({"error": "use_dpop_nonce"}, 400, headers=[("dpop-nonce", nonce) for nonce in nonces])

    with pytest.raises(ServerSaidNo):
        refresh(refused, a_bound_answer())


@pytest.mark.parametrize(
    "refused",
    [
        json_response({"error": "invalid_grant"}, 400, headers=[("dpop-nonce", "n-1")]),
        json_response({"error": "use_dpop_nonce"}, 200, headers=[("dpop-nonce", "n-1")]),
        status_response(400, ("dpop-nonce", "n-1")),
    ],
)
def test_nothing_but_the_demand_for_a_nonce_is_answered_with_one(refused: Response) -> None:
    with pytest.raises((ServerSaidNo, MalformedResponse)):
        refresh(refused, a_bound_answer())


def test_a_client_assertion_is_made_anew_for_the_second_try() -> None:
    """A server that takes each `jti` once has seen the first one."""
    registration = a_registration(token_endpoint_auth_method="private_key_jwt")
    credentials = Credentials(signer=Signer(parse_signing_key(KEY), "ES256", clock=HandMovedClock(), random=Chance()))
    wire = Wire({TOKEN: [a_nonce("n-1"), a_bound_answer()]})

    wire.run(ask_for_token(TOKEN, registration, credentials, (("grant_type", "client_credentials"),), a_prover()))

    first, second = [form_of(request)["client_assertion"] for request in wire.requests]
    assert first != second


def test_a_trace_masks_the_proof() -> None:
    _, wire = refresh(a_bound_answer())

    assert str(dict(wire.requests[0].headers)["dpop"]) == "***"


# The MCP server


def test_a_probe_shows_a_bound_token_with_proof_and_nonce() -> None:
    """A-164, A-165, RFC 9449 §9: a nonce that is wanted is no rejection."""
    wire = Wire({SERVER: [a_nonce_challenge("n-1"), json_response({"jsonrpc": "2.0"})]})

    probe = wire.run(probe_server(SERVER, token=a_bound_token(), prover=a_prover()))

    assert not probe.asks
    first, second = [headers_of(request) for request in wire.requests]
    assert first["authorization"] == second["authorization"] == "DPoP bound-access"
    assert proof_of(second).claims["nonce"] == "n-1"
    assert proof_of(second).claims["ath"] == ath("bound-access")


def test_a_probe_that_is_refused_twice_is_refused() -> None:
    wire = Wire({SERVER: [a_nonce_challenge("n-1"), a_nonce_challenge("n-2")]})

    assert wire.run(probe_server(SERVER, token=a_bound_token(), prover=a_prover())).asks
