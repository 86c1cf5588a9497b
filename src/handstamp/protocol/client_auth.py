"""
How we say who we are: to a token endpoint (RFC 6749 §2.3) by one method a request, never two (A-94); to a server by its token.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handstamp.errors import UsageError
from handstamp.model import Registration, Secret
from handstamp.protocol.text import safe

if TYPE_CHECKING:
    from handstamp.protocol.jwt import Signer

__all__ = [
    "BASIC",
    "NONE",
    "NO_CREDENTIALS",
    "POST",
    "PRIVATE_KEY",
    "Credentials",
    "Fields",
    "authenticate",
    "bearer",
    "choose_auth_method",
    "find_credentials",
]

NONE = "none"
BASIC = "client_secret_basic"
POST = "client_secret_post"
PRIVATE_KEY = "private_key_jwt"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = 60
"""Seconds: for one request, and clocks that differ a little."""

Fields = tuple[tuple[str, str | Secret], ...]
"""Headers, or members of a form."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client proves itself with, read for one use (W12)."""

    secret: Secret | None = None
    signer: "Signer | None" = None


NO_CREDENTIALS = Credentials()
"""Of a public client, or of a dynamic registration, which brings its own secret."""


def authenticate(registration: Registration, credentials: Credentials, *, token_endpoint: str) -> tuple[Fields, Fields]:
    """
    The headers and the form members that prove who we are, by the method that was registered and no other (TB14).

    `credentials` are the configured ones, read for this request; a dynamic registration brings its own secret. Raises UsageError
    where the method needs what is not there.
    """
    client_id = registration.client_id
    if registration.token_endpoint_auth_method == NONE:
        # A workload is known by its assertion, and may have no name besides (RFC 7523 §3.1).
        return (), (("client_id", client_id),) if client_id else ()
    if registration.token_endpoint_auth_method == PRIVATE_KEY:
        return (), _assert(registration, credentials.signer, token_endpoint)
    secret = credentials.secret or registration.client_secret
    if not secret:
        source = safe(registration.client_secret_from or "the vault")
        raise UsageError(f"Expected the secret of client {safe(client_id)} in {source}, found none.")
    if registration.token_endpoint_auth_method == POST:
        return (), (("client_id", client_id), ("client_secret", secret))
    # The name in the form too, as RFC 6749 §3.2.1 allows: the MCP SDK's authorization server finds the client by nothing else.
    return (("authorization", _basic(client_id, secret)),), (("client_id", client_id),)


def _assert(registration: Registration, signer: "Signer | None", token_endpoint: str) -> Fields:
    """RFC 7523 §2.2 and §3, with one audience (A-140): the issuer, so that no other server can use what this one was sent."""
    client_id = registration.client_id
    if signer is None:
        source = safe(registration.private_key_from or "the settings")
        raise UsageError(f"Expected the private key of client {safe(client_id)} in {source}, found none.")
    audience = token_endpoint if registration.assertion_audience == "token_endpoint" else registration.issuer
    assertion = signer.sign({"iss": client_id, "sub": client_id, "aud": audience}, lifetime=ASSERTION_LIFETIME)
    return ("client_id", client_id), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)


def bearer(access_token: Secret) -> Fields:
    """The header that shows a token to its server, and the only place of a token there (RFC 6750 §2.1)."""
    return (("authorization", Secret(f"Bearer {access_token.reveal()}")),)


def _basic(client_id: str, secret: Secret) -> Secret:
    from urllib.parse import quote_plus

    # RFC 6749 §2.3.1: both are form-encoded before they are joined, so that a colon in one of them splits nothing.
    pair = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}"
    return Secret("Basic " + b2a_base64(pair.encode("ascii"), newline=False).decode("ascii"))


def find_credentials(value: Secret) -> Iterator[Secret]:
    """A secret value, and what a server can take out of it: `Bearer TOKEN`, `Basic BASE64` and the client's secret in there."""
    yield value
    scheme, _, credentials = value.reveal().partition(" ")
    if credentials:
        yield Secret(credentials)
    if scheme == "Basic":
        from urllib.parse import unquote_plus

        try:
            pair = a2b_base64(credentials).decode("ascii")
        except ValueError:
            return
        yield Secret(unquote_plus(pair.partition(":")[2]))


def choose_auth_method(supported: tuple[str, ...] | None, has_secret: bool) -> str:
    """
    The method for a client with or without a secret at a server that lists `supported` (4.8).

    With a secret it is Basic, unless the server lists the form alone: `none` is no way to use a client that has a secret (TB14).
    """
    if not has_secret:
        return NONE
    return POST if supported is not None and POST in supported and BASIC not in supported else BASIC
