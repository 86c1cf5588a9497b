"""
DPoP (RFC 9449): a token that is of use only with a key of ours, and the proof of that key in each request.

A proof is a JWT for one request: its method, its URL, this moment, and the token that goes along. A server that does not trust
our clock gives a nonce to be signed too, with a refusal that says so (§8, §9), or with any other answer for the next time (§8.2).
The authorization server's and the MCP server's are different ones, even on one origin: a `Prover` serves one of them.
"""

import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from hashlib import sha256

from handstamp.errors import MalformedResponse, ServerBrokeProtocol
from handstamp.model import Secret, Token
from handstamp.protocol.challenge import Challenge, parse_challenges
from handstamp.protocol.client_auth import Fields, bearer
from handstamp.protocol.exchange import Exchange, Request, Response, parse_json
from handstamp.protocol.resource import ProtectedResource
from handstamp.protocol.server import AuthorizationServer
from handstamp.protocol.text import safe
from handstamp.protocol.urls import host

__all__ = ["Prover", "ask_with_proof", "judge_dpop", "token_headers"]

ALGORITHM = "ES256"
NONCE_WANTED = "use_dpop_nonce"
# RFC 9449 §8.1: what a scope may be made of.
NONCE = re.compile(r"[!#-\[\]-~]{1,1024}")


def judge_dpop(server: AuthorizationServer, resource: ProtectedResource, challenges: Sequence[Challenge]) -> bool:
    """
    Whether tokens for `resource` are to be bound to a key (4.11): its own metadata or a challenge asks for it, and the
    authorization server lists the algorithm. `challenges` are those of the MCP server's 401.

    Raises ServerBrokeProtocol where the one wants nothing else and the other cannot: a bearer token would only be refused.
    """
    asked = [challenge for challenge in challenges if challenge.scheme == "dpop"]
    listed = resource.dpop_signing_alg_values_supported
    if not (resource.dpop_bound_access_tokens_required or listed or asked):
        return False
    theirs = [listed, *(challenge.algs for challenge in asked), server.dpop_signing_alg_values_supported or ()]
    if all(algorithms is None or ALGORITHM in algorithms for algorithms in theirs):
        return True
    if resource.dpop_bound_access_tokens_required or (asked and len(asked) == len(challenges)):
        known = safe(", ".join(server.dpop_signing_alg_values_supported or ())) or "none"
        raise ServerBrokeProtocol(
            f"Expected DPoP with {ALGORITHM}, without which {host(resource.resource)} takes no token, "
            f"got other algorithms or none ({host(server.issuer)} lists {known})."
        )
    return False


class Prover:
    """
    Proves to one server that we hold a key, each time anew, with the nonce that the server gave last. Safe to call from many
    threads.
    """

    def __init__(self, key: Secret, *, clock: Callable[[], float], random: Callable[[int], bytes]) -> None:
        """`key` is a private key for ES256, PEM. Raises UsageError for any other."""
        from handstamp.protocol.jwt import Signer, parse_signing_key

        self.key = key
        self._signer = Signer(parse_signing_key(key), ALGORITHM, clock=clock, random=random)
        self._jwk = self._signer.key.public_jwk()
        self._nonce: str | None = None

    @property
    def thumbprint(self) -> str:
        """What the key is called in an authorization request, so that nobody else redeems its code (§10, RFC 7638)."""
        import json

        return _digest(json.dumps(self._jwk, separators=(",", ":")))

    def prove(self, method: str, url: str, access_token: Secret | None = None) -> Secret:
        """A proof for one request, never to be sent twice (§4.2). `access_token` is the one that goes along."""
        claims = {"htm": method, "htu": _target(url)}
        if access_token is not None:
            claims["ath"] = _digest(access_token.reveal())
        if self._nonce is not None:
            claims["nonce"] = self._nonce
        return self._signer.sign(claims, header={"typ": "dpop+jwt", "jwk": self._jwk})

    def is_asked_again(self, response: Response) -> bool:
        """Keeps the answer's nonce for the next proofs; True where the answer is no more than the demand for it (§8, §9)."""
        nonces = response.header_list("dpop-nonce")
        if len(nonces) != 1 or not NONCE.fullmatch(nonces[0]):
            return False
        self._nonce = nonces[0]
        return _wants_nonce(response)


def token_headers(method: str, url: str, token: Token, prover: Prover | None) -> Fields:
    """What shows a token to its server: with the proof that a bound one needs, for this request alone (§7.1)."""
    if prover is None:
        return bearer(token.access_token)
    proof = prover.prove(method, url, token.access_token)
    return ("authorization", Secret(f"DPoP {token.access_token.reveal()}")), ("dpop", proof)


def ask_with_proof(build: Callable[[], Request], prover: Prover | None) -> Exchange[tuple[Request, Response]]:
    """
    A request and its answer. `build` makes the request anew for each try, since nothing signed is sent twice: the second bears
    the nonce that the first was refused for.

    There is no third (TE22).
    """
    request = build()
    response = yield request
    if prover is not None and prover.is_asked_again(response):
        request = build()
        response = yield request
        prover.is_asked_again(response)
    return request, response


def _target(url: str) -> str:
    """Without query and fragment (§4.2). An empty path is sent as a slash, and not every server evens that out (§4.3)."""
    target = url.partition("#")[0].partition("?")[0]
    return target if target.count("/") > 2 else f"{target}/"


def _wants_nonce(response: Response) -> bool:
    challenges = parse_challenges(response.header_list("www-authenticate")) if response.status == 401 else []
    if any(challenge.scheme == "dpop" and challenge.error == NONCE_WANTED for challenge in challenges):
        return True
    if response.status not in (400, 401):
        return False
    try:
        return parse_json(response.body, "an error").get("error") == NONCE_WANTED
    except MalformedResponse:
        return False


def _digest(text: str) -> str:
    """SHA-256 in base64url, as `ath` and a thumbprint are written."""
    encoded = b2a_base64(sha256(text.encode("ascii")).digest(), newline=False)
    return encoded.rstrip(b"=").translate(bytes.maketrans(b"+/", b"-_")).decode("ascii")
