"""How we come by a `client_id` at an authorization server: from the person, from our document, or by asking (RFC 7591)."""

import math
from collections.abc import Sequence
from dataclasses import replace

from handstamp.errors import IssuerMismatch, MalformedResponse, RegistrationRejected, ServerSaidNo, UsageError
from handstamp.model import NO_CLIENT, ClientSettings, Registration, RegistrationKind, Secret, place_name
from handstamp.protocol.answers import ACCEPT_JSON, read_answer
from handstamp.protocol.client_auth import BASIC, NONE, POST, PRIVATE_KEY, choose_auth_method
from handstamp.protocol.client_document import CLIENT_NAME, require_document_url
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response
from handstamp.protocol.server import AuthorizationServer
from handstamp.protocol.text import safe
from handstamp.protocol.urls import host, split_url

__all__ = [
    "NO_CLIENT",
    "ClientSettings",
    "build_registration",
    "choose_registration_kind",
    "configured_method",
    "register_client",
]

MAX_VALUE_LENGTH = 4096


def choose_registration_kind(server: AuthorizationServer, client: ClientSettings) -> RegistrationKind:
    """
    The first way that is open: pre-registered, metadata document, dynamic (A-38).

    Raises RegistrationRejected where there is none; the caller, who knows the server's name, adds the hint.
    """
    if client.client_id is not None:
        return RegistrationKind.PRE_REGISTERED
    if client.client_id_url is not None and server.client_id_metadata_document_supported:
        return RegistrationKind.METADATA_DOCUMENT
    if server.registration_endpoint is not None:
        return RegistrationKind.DYNAMIC
    raise RegistrationRejected(
        f"{host(server.issuer)} registers no clients by itself, so Handstamp needs a client ID that you create there."
    )


def build_registration(
    kind: RegistrationKind, server: AuthorizationServer, client: ClientSettings, redirect_uri: str
) -> Registration:
    """
    The registration for the two kinds that need no request.

    Raises UsageError for a client or a redirect address that cannot be used, IssuerMismatch for another server's client (A-62).
    """
    _require_redirect_uri(redirect_uri)
    if kind is RegistrationKind.METADATA_DOCUMENT and client.client_id_url is not None:
        # once the document names keys, every call to the authorization server is signed.
        return Registration(
            server.issuer,
            kind,
            require_document_url(client.client_id_url),
            redirect_uri,
            NONE if client.private_key_from is None else PRIVATE_KEY,
            private_key_from=place_name(client.private_key_from),
            signing_algorithm=client.signing_algorithm,
            signing_algorithms_supported=server.token_endpoint_auth_signing_alg_values_supported,
            assertion_audience=client.assertion_audience,
        )
    if kind is not RegistrationKind.PRE_REGISTERED or client.client_id is None:
        raise UsageError(f"Expected a configured client for a {kind.value} registration, got none.")
    expected = client.authorization_server
    if expected is not None and expected != server.issuer:
        raise IssuerMismatch(f"Expected {safe(expected)}, the issuer of the configured client, got {safe(server.issuer)}.")
    return Registration(
        server.issuer,
        kind,
        client.client_id,
        redirect_uri,
        configured_method(server, client),
        client_secret_from=place_name(client.client_secret_from),
        private_key_from=place_name(client.private_key_from),
        signing_algorithm=client.signing_algorithm,
        signing_algorithms_supported=server.token_endpoint_auth_signing_alg_values_supported,
        assertion_audience=client.assertion_audience,
    )


def configured_method(server: AuthorizationServer, client: ClientSettings) -> str:
    """How a client proves itself that the person configured: by its key, else by its secret in the server's way (4.8)."""
    if client.private_key_from is not None:
        return PRIVATE_KEY
    return choose_auth_method(server.token_endpoint_auth_methods_supported, client.client_secret_from is not None)


def register_client(server: AuthorizationServer, *, redirect_uri: str, scopes: tuple[str, ...]) -> Exchange[Registration]:
    """
    A registration that the server made for us (RFC 7591 §3).

    Raises RegistrationRejected with the server's own code and words, TemporarilyUnavailable, or MalformedResponse for an answer
    that is not what was asked for.
    """
    _require_redirect_uri(redirect_uri)
    if server.registration_endpoint is None:
        raise RegistrationRejected(f"{host(server.issuer)} offers no registration endpoint.")
    types = _application_types(redirect_uri)
    while True:
        try:
            registration = yield from _register(server, server.registration_endpoint, redirect_uri, scopes, types[0])
            return replace(registration, scopes=scopes)
        except RegistrationRejected as error:
            match error.error:
                # some servers take a loopback address from one application type only, and not all from the same.
                case "invalid_redirect_uri" if len(types) > 1:
                    types = types[1:]
                # oidc-provider knows its own scopes and none of a resource's here, and asks for no list (RFC 7591 §2: optional).
                case "invalid_client_metadata" if scopes:
                    scopes = ()
                case _:
                    raise


def _register(
    server: AuthorizationServer, endpoint: str, redirect_uri: str, scopes: tuple[str, ...], application_type: str
) -> Exchange[Registration]:
    method = _requested_method(server.token_endpoint_auth_methods_supported)
    # No dpop_bound_access_tokens (RFC 9449 §5.2): the client is for all servers of this issuer, and some may want bearer tokens.
    metadata: dict[str, object] = {
        "client_name": CLIENT_NAME,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": application_type,
        "token_endpoint_auth_method": method,
    }
    if scopes:
        metadata["scope"] = " ".join(scopes)
    request = Request("POST", endpoint, Purpose.REGISTRATION, headers=ACCEPT_JSON, json=metadata)
    response = yield request
    return judge_registration(server, request, response, redirect_uri=redirect_uri, requested_method=method)


def _application_types(redirect_uri: str) -> Sequence[str]:
    # A web client may have no loopback address at most servers, but https is never refused to one.
    return ("native", "web") if split_url(redirect_uri).is_loopback else ("web",)


def _requested_method(supported: tuple[str, ...] | None) -> str:
    if supported is None or NONE in supported or not {BASIC, POST} & set(supported):
        return NONE
    return choose_auth_method(supported, has_secret=True)


def judge_registration(
    server: AuthorizationServer, request: Request, response: Response, *, redirect_uri: str, requested_method: str
) -> Registration:
    """The registration in the answer. Raises RegistrationRejected, TemporarilyUnavailable or MalformedResponse (A-58, TB15)."""
    body = _read_registration(request, response)
    client_id = _read_visible(body, "client_id")
    if client_id is None:
        raise MalformedResponse('Expected "client_id" in the answer to the client registration, got none.')
    _require_same_redirect_uri(body, redirect_uri)
    _require_the_code_flow(body)
    secret = _read_visible(body, "client_secret")
    method = _read_method(body, server, requested_method, has_secret=secret is not None)
    if method == NONE:
        # Some servers hand out a secret all the same; a public client never sends one (TB14).
        return Registration(server.issuer, RegistrationKind.DYNAMIC, client_id, redirect_uri)
    if secret is None:
        raise MalformedResponse(f'Expected "client_secret" with {method} in the answer to the client registration, got none.')
    return Registration(
        server.issuer,
        RegistrationKind.DYNAMIC,
        client_id,
        redirect_uri,
        method,
        client_secret=Secret(secret),
        client_secret_expires_at=_read_expiry(body.get("client_secret_expires_at")),
    )


def _read_registration(request: Request, response: Response) -> dict[str, object]:
    try:
        return read_answer(request, response)
    except ServerSaidNo as error:
        raise RegistrationRejected(error.message, error=error.error) from error
    except MalformedResponse as error:
        if 400 <= response.status < 500:
            refused = f"{host(request.url)} refused to register Handstamp (HTTP {response.status}) and gave no reason."
            raise RegistrationRejected(refused) from error
        raise


def _read_visible(body: dict[str, object], name: str) -> str | None:
    # RFC 6749 appendix A: visible ASCII and the space. A line break in a secret would be one in a header (TB15).
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_VALUE_LENGTH or not (value.isascii() and value.isprintable()):
        raise MalformedResponse(
            f'Expected "{name}" in the answer to the client registration as up to 4096 visible ASCII characters.'
        )
    return value


def _require_same_redirect_uri(body: dict[str, object], redirect_uri: str) -> None:
    registered = body.get("redirect_uris")
    if registered is not None and registered != [redirect_uri]:
        raise MalformedResponse(f"Expected to be registered with {safe(redirect_uri)} alone, got other redirect addresses.")


def _require_the_code_flow(body: dict[str, object]) -> None:
    # RFC 7591 §3.2.1: the server may replace what was asked for, and we may decline. More grant types than ours are its business;
    # names, scopes and addresses that come back are not read at all.
    for name, needed in (("grant_types", "authorization_code"), ("response_types", "code")):
        values = body.get(name)
        if values is not None and not (isinstance(values, list) and needed in values):
            raise MalformedResponse(f'Expected to be registered with {needed} among "{name}", got a registration without it.')


def _read_method(body: dict[str, object], server: AuthorizationServer, requested: str, *, has_secret: bool) -> str:
    method = body.get("token_endpoint_auth_method")
    if method is None:
        # A secret for somebody who asked for none: the server ignored the wish, and will want to see it (RFC 7591 §2).
        overruled = has_secret and requested == NONE
        return choose_auth_method(server.token_endpoint_auth_methods_supported, has_secret=True) if overruled else requested
    if not isinstance(method, str) or method not in (NONE, BASIC, POST):
        raise MalformedResponse(f"Expected to be registered with {requested}, got {safe(str(method), 60)}.")
    return method


def _read_expiry(value: object) -> float | None:
    # RFC 7591 §3.2.1: 0 means never; what is no time is no reason to throw the secret away.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15 or not math.isfinite(value):
        return None
    return float(value)


def _require_redirect_uri(redirect_uri: str) -> None:
    """https, or http on loopback, without a fragment (A-78, A-80)."""
    try:
        url = split_url(redirect_uri)
    except ValueError as error:
        raise UsageError(f"Expected a redirect address such as http://127.0.0.1:8080/callback, but {error}.") from error
    if url.scheme == "http" and not url.is_loopback:
        raise UsageError(f"Expected a redirect address with https or on this machine, got {safe(url.origin)}.")
