"""
Our client ID metadata document (draft-ietf-oauth-client-id-metadata-document), and the addresses in it.

Its https URL is the `client_id`: an authorization server that never heard of us reads there what we are called and where answers
may go.
"""

from collections.abc import Iterable, Mapping

from handstamp.errors import UsageError
from handstamp.model import CallbackPlan
from handstamp.protocol.client_auth import NONE, PRIVATE_KEY
from handstamp.protocol.text import safe
from handstamp.protocol.urls import split_url

__all__ = ["CLIENT_NAME", "GRANT_TYPES", "LISTED_PORTS", "build_document", "redirect_uris", "require_document_url"]

CLIENT_NAME = "Handstamp"
LISTED_PORTS = (41187, 42299, 43391, 44483, 45589, 46681, 47777, 48869)
"""The loopback ports that our document lists, for authorization servers that compare ports (4.12)."""
GRANT_TYPES = ("authorization_code", "refresh_token")


def build_document(
    url: str,
    *,
    name: str = CLIENT_NAME,
    client_uri: str | None = None,
    logo_uri: str | None = None,
    jwk: Mapping[str, str] | None = None,
    jwks_uri: str | None = None,
) -> dict[str, object]:
    """
    The document to host at `url`. With a public key, or an address of keys, the client proves itself by `private_key_jwt`.

    Raises UsageError for an address that cannot be one; the rest is what it was given, for `judge_document` to look at.
    """
    has_key = jwk is not None or jwks_uri is not None
    plan = CallbackPlan()
    members: dict[str, object | None] = {
        "client_id": require_document_url(url),
        "client_name": name,
        "client_uri": client_uri,
        "logo_uri": logo_uri,
        # Without a port as well: some servers ignore the port of what was registered without one, and of nothing else.
        "redirect_uris": [f"http://{plan.host}{plan.path}", *redirect_uris()],
        "grant_types": list(GRANT_TYPES),
        "response_types": ["code"],
        "application_type": "native",
        "token_endpoint_auth_method": PRIVATE_KEY if has_key else NONE,
        "jwks": None if jwk is None else {"keys": [dict(jwk)]},
        "jwks_uri": jwks_uri,
    }
    return {member: value for member, value in members.items() if value is not None}


def redirect_uris(ports: Iterable[int] = LISTED_PORTS) -> tuple[str, ...]:
    """What we send, one a port. The host is never `localhost`, which may be another machine's name (RFC 8252 §8.3)."""
    plan = CallbackPlan()
    return tuple(f"http://{plan.host}:{port}{plan.path}" for port in ports)


def require_document_url(text: str) -> str:
    """The address of such a document (A-44, A-45), unchanged: it is compared as a string everywhere (A-47). Raises UsageError."""
    try:
        url = split_url(text)
    except ValueError as error:
        raise UsageError(f"Expected a client ID such as https://example.com/client.json, but {error}.") from error
    if url.scheme != "https" or url.path in ("", "/"):
        raise UsageError(f"Expected a client ID that is an https URL with a path, got {safe(url.origin + url.path)}.")
    return text
