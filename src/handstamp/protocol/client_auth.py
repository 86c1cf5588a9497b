"""
How we say who we are: to a token endpoint (RFC 6749 §2.3) by one method a request, never two (A-94); to a server by its token.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator

from handstamp.errors import UsageError
from handstamp.model import Registration, Secret
from handstamp.protocol.text import safe

__all__ = ["BASIC", "NONE", "POST", "Fields", "authenticate", "bearer", "choose_auth_method", "find_credentials"]

NONE = "none"
BASIC = "client_secret_basic"
POST = "client_secret_post"

Fields = tuple[tuple[str, str | Secret], ...]
"""Headers, or members of a form."""


def authenticate(registration: Registration, secret: Secret | None) -> tuple[Fields, Fields]:
    """
    The headers and the form members that prove who we are, by the method that was registered and no other (TB14).

    `secret` is the configured one, read for this request; a dynamic registration brings its own. Raises UsageError where the
    method needs a secret and there is none.
    """
    client_id = registration.client_id
    if registration.token_endpoint_auth_method == NONE:
        return (), (("client_id", client_id),)
    secret = secret or registration.client_secret
    if not secret:
        source = safe(registration.client_secret_from or "the vault")
        raise UsageError(f"Expected the secret of client {safe(client_id)} in {source}, found none.")
    if registration.token_endpoint_auth_method == POST:
        return (), (("client_id", client_id), ("client_secret", secret))
    # The name in the form too, as RFC 6749 §3.2.1 allows: the MCP SDK's authorization server finds the client by nothing else.
    return (("authorization", _basic(client_id, secret)),), (("client_id", client_id),)


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
