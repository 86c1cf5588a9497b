"""
The front channel: the request that a person's browser carries to the authorization server, and the answer that it brings back.

Nothing in the answer is believed before two things are clear: that it answers this request (`state`), and that it comes from the
server that was asked (`iss`, RFC 9207). Until then its error texts are an attacker's words and are neither shown nor acted on.
"""

from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field

from handstamp.errors import (
    AccessDenied,
    HandstampError,
    InsecureUrl,
    InvalidScope,
    IssuerMismatch,
    MalformedResponse,
    ServerSaidNo,
    StateMismatch,
    TemporarilyUnavailable,
)
from handstamp.model import Registration, Secret
from handstamp.protocol.scopes import OFFLINE_ACCESS
from handstamp.protocol.server import AuthorizationServer
from handstamp.protocol.text import safe
from handstamp.protocol.urls import host

__all__ = [
    "AuthorizationRequest",
    "AuthorizationResponse",
    "build_authorization_request",
    "find_answer",
    "is_answer_to",
    "judge_authorization_response",
    "parse_authorization_response",
]

MAX_URL_LENGTH = 8192
MAX_QUERY_LENGTH = 64 * 1024
MAX_PARAMETERS = 200
ENTROPY = 32
HTTP = "http://"

# Besides what we send: these would send our parameters elsewhere, or replace them (TC5).
_RESERVED = ("dpop_jkt", "nonce", "prompt", "request", "request_uri", "response_mode", "scope")
_SINGLE = ("state", "code", "iss", "error", "error_description")


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One login's request: what went to the browser, and what its answer is held against (A-74)."""

    issuer: str
    """The validated issuer: the answer must come from it, and the code goes to it alone (A-89)."""
    authorization_endpoint: str
    client_id: str
    redirect_uri: str
    resource: str
    scopes: tuple[str, ...]
    state: Secret
    code_verifier: Secret
    iss_expected: bool
    """Whether the metadata promises an `iss` in every answer."""
    dpop_jkt: str | None = None
    """The thumbprint of the key that the code is to be redeemed with (RFC 9449 §10); None where no token is bound to one."""

    @property
    def url(self) -> str:
        """What the browser opens. Its `state` and challenge are the only secrets in it, and they are made for it."""
        from urllib.parse import quote, urlencode

        endpoint, mark, query = self.authorization_endpoint.partition("?")
        own = urlencode(self._parameters(), quote_via=quote, safe="")
        return f"{endpoint}?{query}&{own}" if mark and query else f"{endpoint}?{own}"

    def _parameters(self) -> list[tuple[str, str]]:
        parameters = [
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("resource", self.resource),
            ("state", self.state.reveal()),
            ("code_challenge", _code_challenge(self.code_verifier)),
            ("code_challenge_method", "S256"),
        ]
        if self.dpop_jkt is not None:
            parameters.append(("dpop_jkt", self.dpop_jkt))
        if self.scopes:
            parameters.append(("scope", " ".join(self.scopes)))
        if OFFLINE_ACCESS in self.scopes:
            # OIDC Core §11: without it some servers drop the scope, and with it the refresh token, without a word (4.10).
            parameters.append(("prompt", "consent"))
        return parameters

    def check(self) -> None:
        """Raises InsecureUrl where the endpoint's own query would speak for us, or the URL is too long to be one (TC5, TC7)."""
        from urllib.parse import parse_qsl

        query = self.authorization_endpoint.partition("?")[2]
        reserved = {name for name, _ in self._parameters()} | set(_RESERVED)
        for name, _ in parse_qsl(query, keep_blank_values=True):
            if name in reserved:
                raise InsecureUrl(f"Expected an authorization_endpoint that leaves {name} to the client, got one that sets it.")
        if len(self.url) > MAX_URL_LENGTH:
            raise InsecureUrl(f"Expected an authorization URL of at most {MAX_URL_LENGTH} characters, got {len(self.url)}.")


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the browser brought back, read and not yet believed."""

    state: Secret | None = None
    code: Secret | None = None
    iss: str | None = None
    error: str | None = field(default=None, repr=False)
    error_description: str | None = field(default=None, repr=False)


def build_authorization_request(
    server: AuthorizationServer,
    registration: Registration,
    *,
    resource: str,
    scopes: tuple[str, ...],
    random: Callable[[int], bytes],
    dpop_jkt: str | None = None,
) -> AuthorizationRequest:
    """
    A new request with a `state` and a verifier of 256 bits each, never used before (A-36, TC9). `random` gives that many bytes.

    Raises InsecureUrl for an endpoint that cannot be used, IssuerMismatch for a registration of another server (A-60).
    """
    if registration.issuer != server.issuer:
        raise IssuerMismatch(
            f"Expected a client of {safe(server.issuer)}, got one of {safe(registration.issuer)}: nothing was sent."
        )
    request = AuthorizationRequest(
        issuer=server.issuer,
        authorization_endpoint=server.authorization_endpoint,
        client_id=registration.client_id,
        redirect_uri=registration.redirect_uri,
        resource=resource,
        scopes=scopes,
        state=Secret(_base64url(random(ENTROPY))),
        code_verifier=Secret(_base64url(random(ENTROPY))),
        iss_expected=server.authorization_response_iss_parameter_supported,
        dpop_jkt=dpop_jkt,
    )
    request.check()
    return request


def parse_authorization_response(query: str) -> AuthorizationResponse:
    """
    The answer in a raw query string, with or without its question mark. Unknown parameters are ignored (A-90).

    Raises MalformedResponse where one that counts occurs twice (TD8), or for what is no query string.
    """
    from urllib.parse import parse_qsl

    if len(query) > MAX_QUERY_LENGTH:
        raise MalformedResponse(f"Expected an authorization response of at most {MAX_QUERY_LENGTH} characters.")
    try:
        query.encode("utf-8")  # An argument of the command line may hold lone surrogates, which nothing later could compare.
        pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise MalformedResponse("Expected an authorization response as a query string, got something else.") from error
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in _SINGLE and name in values:
            raise MalformedResponse(f"Expected {name} once in the authorization response, got it twice.")
        values[name] = value
    return AuthorizationResponse(
        state=_secret(values.get("state")),
        code=_secret(values.get("code")),
        iss=values.get("iss"),
        error=values.get("error"),
        error_description=values.get("error_description"),
    )


def find_answer(request: AuthorizationRequest, address: str) -> str | None:
    """
    The query of an address that a person copied; None where that is not this request's redirect address (TD16).

    Terminals wrap what is copied, chats put it in brackets, and browsers leave out `http://` and its port: none of that is held
    against it.
    """
    copied = "".join(address.split()).strip("<>\"'")
    place, _, query = copied.partition("#")[0].partition("?")
    ours = request.redirect_uri.removeprefix(HTTP)
    known = (ours, ours.replace(":80/", "/", 1))
    return query if place.removeprefix(HTTP) in known else None


def is_answer_to(request: AuthorizationRequest, response: AuthorizationResponse) -> bool:
    """True if the response carries this request's `state`. Takes constant time."""
    return response.state is not None and response.state == request.state


def judge_authorization_response(request: AuthorizationRequest, response: AuthorizationResponse) -> Secret:
    """
    The code, once it is sure whose it is (A-75, A-82 to A-88).

    Raises StateMismatch, IssuerMismatch, then what the server answered: AccessDenied, InvalidScope, TemporarilyUnavailable or
    ServerSaidNo; MalformedResponse where there is neither code nor error.
    """
    if not is_answer_to(request, response):
        raise StateMismatch("Expected the state of this login in the authorization response, got another or none.")
    _require_issuer(request, response)
    if response.error is not None:
        raise _refusal(request, response.error, response.error_description)
    if response.code is None:
        raise MalformedResponse("Expected a code or an error in the authorization response, got neither.")
    return response.code


def _require_issuer(request: AuthorizationRequest, response: AuthorizationResponse) -> None:
    # RFC 9207 §2.4. Compared as it came: no case, slash, port or percent sign is evened out.
    if response.iss is None:
        if request.iss_expected:
            raise IssuerMismatch(f'Expected iss "{safe(request.issuer)}" in the authorization response, got none.')
        return
    if response.iss != request.issuer:
        raise IssuerMismatch(f'Expected iss "{safe(request.issuer)}" in the authorization response, got "{safe(response.iss)}".')


def _refusal(request: AuthorizationRequest, error: str, description: str | None) -> HandstampError:
    code = safe(error, 100)
    reason = f' ("{safe(description.strip())}")' if description and description.strip() else ""
    said = f"{host(request.authorization_endpoint)} answered the sign-in with {code}{reason}."
    match error:
        case "access_denied":
            return AccessDenied(said, error=code)
        case "invalid_scope" | "invalid_target":
            return InvalidScope(said, error=code)
        case "server_error" | "temporarily_unavailable":
            return TemporarilyUnavailable(said)
        case _:
            return ServerSaidNo(said, error=code)


def _secret(value: str | None) -> Secret | None:
    return Secret(value) if value else None


def _code_challenge(verifier: Secret) -> str:
    from hashlib import sha256

    return _base64url(sha256(verifier.reveal().encode("ascii")).digest())


def _base64url(data: bytes) -> str:
    return b2a_base64(data, newline=False).rstrip(b"=").translate(bytes.maketrans(b"+/", b"-_")).decode("ascii")
