"""The token endpoint: a code or a refresh token against a new token, and the revocation endpoint, which ends one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from handstamp.errors import IssuerMismatch, LoginRequired, MalformedResponse, ServerBrokeProtocol, ServerSaidNo
from handstamp.model import Grant, Registration, Secret, Token
from handstamp.protocol.answers import ACCEPT_JSON, read_answer
from handstamp.protocol.authorization import AuthorizationRequest
from handstamp.protocol.client_auth import Credentials, Fields, authenticate
from handstamp.protocol.dpop import Prover, ask_with_proof
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response, parse_json
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.text import mask, safe
from handstamp.protocol.urls import host, is_within, origin, split_url

__all__ = [
    "MAX_TOKEN_LENGTH",
    "TokenResponse",
    "ask_for_token",
    "exchange_code",
    "find_other_audiences",
    "read_claims",
    "read_identity",
    "read_lifetime",
    "refresh_token",
    "revoke_token",
]

BEARER, DPOP = "Bearer", "DPoP"
MAX_TOKEN_LENGTH = 32 * 1024
MAX_LIFETIME = 10 * 365 * 24 * 3600
SHORTEST_LIFETIME = 0.001
"""Seconds. Less would be lost in a time that counts from 1970, and the token would end at the moment it was asked for."""
IDENTITY_CLAIMS = ("email", "preferred_username", "name", "sub")
MAX_IDENTITY_LENGTH = 100
MAX_AUDIENCES = 20


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A successful answer."""

    token: Token
    scopes: tuple[str, ...] | None = None
    """What was granted; None where the server did not say: then it is what was requested (RFC 6749 §5.1)."""
    identity: str | None = None
    """How the server calls the account, for a person to read. Unverified: no decision rests on it."""
    audiences: tuple[str, ...] = ()
    """What the answer, or the token where that can be read, says the token is for. Unverified: no decision rests on it."""


def find_other_audiences(audiences: tuple[str, ...], *, server: str, resource: str, issuer: str) -> tuple[str, ...]:
    """
    Those that are plainly something else than the server: whoever gets the token can use it there (TE8).

    Only URLs can be told apart. Another name (`account`, a number) may be the authorization server's own for this very
    resource; and its own origin is no news to it.
    """
    return tuple(each for each in audiences if _is_url(each) and not _is_for(each, server, resource, issuer))


def _is_url(text: str) -> bool:
    try:
        return bool(split_url(text))
    except ValueError:
        return False


def _is_for(audience: str, server: str, resource: str, issuer: str) -> bool:
    # The server itself, what it is a part of, or the authorization server.
    return any(is_within(each, audience.removesuffix("/")) for each in (server, resource)) or is_within(
        audience, split_url(issuer).origin
    )


def exchange_code(
    *,
    token_endpoint: str,
    registration: Registration,
    credentials: Credentials,
    request: AuthorizationRequest,
    code: Secret,
    prover: Prover | None = None,
) -> Exchange[TokenResponse]:
    """
    The first token (RFC 6749 §4.1.3, RFC 7636 §4.5). `credentials` are the configured ones of the client, read for this request;
    `prover` is of the key that the token is to be bound to.

    Raises the errors of `judge_token_response`; IssuerMismatch where registration and request are of different servers (A-89).
    """
    if registration.issuer != request.issuer:
        raise _mixed(request.issuer, registration.issuer)
    form: Fields = (
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", request.redirect_uri),
        ("code_verifier", request.code_verifier),
        ("resource", request.resource),
    )
    return (yield from ask_for_token(token_endpoint, registration, credentials, form, prover))


def refresh_token(grant: Grant, credentials: Credentials, prover: Prover | None = None) -> Exchange[TokenResponse]:
    """
    A new token for a grant (RFC 6749 §6), bound to the same key (RFC 9449 §5). Where the answer has no refresh token, the old one
    is still good and stays.

    Sends `resource`, since some servers forget it; never `scope`, which could only narrow the grant for good (A-109). Raises the
    errors of `judge_token_response`; LoginRequired where the grant has no refresh token.
    """
    if grant.registration.issuer != grant.key.issuer:
        raise _mixed(grant.key.issuer, grant.registration.issuer)
    old = grant.token.refresh_token
    if not old:
        raise LoginRequired(f"{host(grant.key.issuer)} gave no refresh token, so only a new sign-in gives a new token.")
    form: Fields = (("grant_type", "refresh_token"), ("refresh_token", old), ("resource", grant.resource))
    answer = yield from ask_for_token(grant.token_endpoint, grant.registration, credentials, form, prover)
    if answer.token.refresh_token is not None:
        return answer
    return replace(answer, token=replace(answer.token, refresh_token=old))


def revoke_token(grant: Grant, credentials: Credentials) -> Exchange[None]:
    """
    Tells the server that the grant is over (RFC 7009): by its refresh token, or by the access token where there is no other.

    Raises ServerSaidNo, MalformedResponse or TemporarilyUnavailable; deleting what is stored here does not wait for any of it.
    Raises ServerBrokeProtocol where token and secret would go to a host that nobody has said yes to.
    """
    if grant.registration.issuer != grant.key.issuer:
        raise _mixed(grant.key.issuer, grant.registration.issuer)
    if grant.revocation_endpoint is None:
        raise ServerSaidNo(f"{host(grant.key.issuer)} offers no way to revoke a token; it runs out by itself.")
    _require_known_origin(grant.revocation_endpoint, grant)
    token = grant.token.refresh_token
    form: Fields = (
        (("token", token), ("token_type_hint", "refresh_token"))
        if token
        else (("token", grant.token.access_token), ("token_type_hint", "access_token"))
    )
    headers, fields = authenticate(grant.registration, credentials, token_endpoint=grant.token_endpoint)
    request = Request("POST", grant.revocation_endpoint, Purpose.REVOCATION, headers=ACCEPT_JSON + headers, form=form + fields)
    response = yield request
    # RFC 7009 §2.2: the status says it all, and the body of a success is nobody's business.
    if not 200 <= response.status < 300:
        read_answer(request, response)


def _require_known_origin(revocation_endpoint: str, grant: Grant) -> None:
    """
    4.3, TE23: token and secret go back to the issuer's host or to that of its token endpoint. A third one is in metadata that
    may have been altered since, and no person was shown it.
    """
    issuer, tokens, place = (origin(url) for url in (grant.key.issuer, grant.token_endpoint, revocation_endpoint))
    if place not in (issuer, tokens):
        raise ServerBrokeProtocol(
            f"Expected the revocation endpoint of {issuer} on its own host or that of its token endpoint, {tokens}, "
            f"got {place}: nothing was sent."
        )


def _mixed(expected: str, got: str) -> IssuerMismatch:
    return IssuerMismatch(f"Expected a registration at {safe(expected)}, got one at {safe(got)}: nothing was sent.")


def ask_for_token(
    endpoint: str, registration: Registration, credentials: Credentials, form: Fields, prover: Prover | None = None
) -> Exchange[TokenResponse]:
    """
    One token request of any grant type, for a token that is bound to the key of `prover` where there is one (RFC 9449 §5).

    Raises the errors of `judge_token_response`; UsageError without what proves us.
    """

    def build() -> Request:
        headers, fields = authenticate(registration, credentials, token_endpoint=endpoint)
        proof: Fields = () if prover is None else (("dpop", prover.prove("POST", endpoint)),)
        return Request("POST", endpoint, Purpose.TOKEN, headers=ACCEPT_JSON + headers + proof, form=form + fields)

    request, response = yield from ask_with_proof(build, prover)
    return judge_token_response(request, response, None if prover is None else prover.key)


def judge_token_response(request: Request, response: Response, dpop_key: Secret | None = None) -> TokenResponse:
    """
    The token in an answer (RFC 6749 §5), bound to the key if the request proved one.

    Raises InvalidGrant, InvalidClient, InvalidScope or another ServerSaidNo, whatever the status; TemporarilyUnavailable for 5xx
    and 429; MalformedResponse for a redirect and for all that is no usable token.
    """
    body = read_answer(request, response)
    token_type = BEARER if dpop_key is None else DPOP
    _require_token_type(request, body, token_type)
    access_token = _read_access_token(body)
    lifetime = read_lifetime(body.get("expires_in"))
    refresh = body.get("refresh_token") or None
    if refresh is not None and (not isinstance(refresh, str) or len(refresh) > MAX_TOKEN_LENGTH):
        raise MalformedResponse('Expected "refresh_token" in the answer to the token request as a string of bounded length.')
    token = Token(
        access_token,
        obtained_at=response.sent_at,
        # From when it was asked for: a slow answer makes no token younger.
        expires_at=None if lifetime is None else response.sent_at + lifetime,
        refresh_token=None if refresh is None else Secret(refresh),
        token_type=token_type,
        dpop_key=dpop_key,
        obtained_uptime=response.sent_uptime,
    )
    scope = body.get("scope")
    return TokenResponse(
        token,
        parse_scopes(scope) if isinstance(scope, str) else None,
        read_identity(body.get("id_token")),
        audiences=tuple(dict.fromkeys(_read_audiences(body)))[:MAX_AUDIENCES],
    )


def _require_token_type(request: Request, body: dict[str, object], expected: str) -> None:
    """
    What was asked for and nothing else (TE3). A DPoP token without a proof of ours is bound to somebody else's key.

    A bearer token in answer to a proof is one that whoever finds it can use. RFC 9449 §5 leaves that to the client; both servers
    have said that they can do better, or there would have been no proof (4.11).
    """
    token_type = body.get("token_type")
    if not isinstance(token_type, str) or token_type.lower() != expected.lower():
        got = safe(mask(token_type, request.secrets), 40) if isinstance(token_type, str) else "none"
        raise MalformedResponse(f'Expected token_type "{expected}" in the answer to the token request, got {got}.')


def _read_access_token(body: dict[str, object]) -> Secret:
    value = body.get("access_token")
    # It goes into a header as it is: a space or a line break would end it there (TE3).
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= MAX_TOKEN_LENGTH
        or not all("!" <= character <= "~" for character in value)
    ):
        raise MalformedResponse('Expected "access_token" in the answer to the token request as visible ASCII without spaces.')
    return Secret(value)


def read_lifetime(value: object) -> float | None:
    """Seconds; None for what is no sensible lifetime: a hint that makes no sense is no hint (A-96, TE4)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if SHORTEST_LIFETIME <= value <= MAX_LIFETIME else None


def read_identity(id_token: object) -> str | None:
    """
    A name for the account from an ID token. Its signature is not checked: it came from the token endpoint over TLS (OIDC Core
    §3.1.3.7), and it is shown, never believed.
    """
    claims = read_claims(id_token)
    names = (claims.get(claim) for claim in IDENTITY_CLAIMS)
    return next((safe(name.strip(), MAX_IDENTITY_LENGTH) for name in names if isinstance(name, str) and name.strip()), None)


def _read_audiences(body: dict[str, object]) -> Iterator[str]:
    """
    The answer's own `resource`, and the `aud` of an access token that happens to be a JWT (RFC 9068).

    A token is not ours to read (A-96), and nothing but a note to a person comes of it.
    """
    for value in (body.get("resource"), read_claims(body.get("access_token")).get("aud")):
        entries = cast("list[object]", value) if isinstance(value, list) else [value]
        yield from (entry for entry in entries if isinstance(entry, str))


def read_claims(token: object) -> dict[str, object]:
    """The payload of a JWT; empty for whatever is none. Bounded, and never raises."""
    if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH or token.count(".") != 2:
        return {}
    from base64 import urlsafe_b64decode

    payload = token.split(".")[1]
    try:
        return parse_json(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), "the token")
    except (ValueError, MalformedResponse):
        return {}
