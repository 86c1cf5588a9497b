"""How we say who we are at a token endpoint."""

from base64 import b64decode
from urllib.parse import unquote_plus

import pytest

from handstamp.errors import UsageError
from handstamp.model import Secret
from handstamp.protocol.client_auth import Credentials, authenticate, bearer, choose_auth_method
from protocol.wire import a_registration

TOKEN_ENDPOINT = "https://auth.example/token"


def test_a_public_client_names_itself_and_proves_nothing() -> None:
    """A-94, A-95, TB14: conformance auth/token-endpoint-auth-none."""
    registration = a_registration(token_endpoint_auth_method="none", client_secret=Secret("unused"))

    assert authenticate(registration, Credentials(Secret("unused")), token_endpoint=TOKEN_ENDPOINT) == (
        (),
        (("client_id", "client-1"),),
    )


def test_post_puts_the_secret_into_the_form_alone() -> None:
    """A-94, A-95: conformance auth/token-endpoint-auth-post."""
    registration = a_registration(token_endpoint_auth_method="client_secret_post")

    headers, form = authenticate(registration, Credentials(Secret("s3cret")), token_endpoint=TOKEN_ENDPOINT)

    assert headers == ()
    assert form == (("client_id", "client-1"), ("client_secret", Secret("s3cret")))


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("client-1", "s3cret"), ("a:b+c d/ü", "p%q:r&s=t u"), ("https://x.example/c.json", "::"), ("~", "*")],
)
def test_basic_carries_both_form_encoded_and_the_form_no_secret(client_id: str, secret: str) -> None:
    """A-94, A-95: conformance auth/token-endpoint-auth-basic."""
    registration = a_registration(client_id=client_id, token_endpoint_auth_method="client_secret_basic")

    headers, form = authenticate(registration, Credentials(Secret(secret)), token_endpoint=TOKEN_ENDPOINT)

    assert form == (("client_id", client_id),)
    [(name, value)] = headers
    assert name == "authorization"
    assert isinstance(value, Secret)
    scheme, _, encoded = value.reveal().partition(" ")
    assert scheme == "Basic"
    sent_id, sent_secret = b64decode(encoded).decode("ascii").split(":")
    assert (unquote_plus(sent_id), unquote_plus(sent_secret)) == (client_id, secret)


def test_basic_encodes_as_the_rfc_says() -> None:
    """A-95, RFC 6749 §2.3.1."""
    registration = a_registration(client_id="a b", token_endpoint_auth_method="client_secret_basic")

    [(_, value)], _ = authenticate(registration, Credentials(Secret("c:d+e")), token_endpoint=TOKEN_ENDPOINT)

    assert isinstance(value, Secret)
    assert b64decode(value.reveal().split()[1]) == b"a+b:c%3Ad%2Be"


def test_a_dynamic_registration_brings_its_own_secret() -> None:
    """A-58."""
    registration = a_registration(token_endpoint_auth_method="client_secret_post", client_secret=Secret("given"))

    _, form = authenticate(registration, Credentials(), token_endpoint=TOKEN_ENDPOINT)

    assert ("client_secret", Secret("given")) in form


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_missing_secret_is_an_error_and_no_downgrade(method: str) -> None:
    """TB14."""
    with pytest.raises(UsageError, match="env:LINEAR_SECRET"):
        authenticate(
            a_registration(token_endpoint_auth_method=method, client_secret_from="env:LINEAR_SECRET"),
            Credentials(),
            token_endpoint=TOKEN_ENDPOINT,
        )


@pytest.mark.parametrize(
    ("supported", "has_secret", "method"),
    [
        (None, False, "none"),
        (("client_secret_basic",), False, "none"),
        (None, True, "client_secret_basic"),
        (("client_secret_post", "client_secret_basic"), True, "client_secret_basic"),
        (("client_secret_post", "none"), True, "client_secret_post"),
        (("none",), True, "client_secret_basic"),
        (("private_key_jwt",), True, "client_secret_basic"),
        ((), True, "client_secret_basic"),
    ],
)
def test_the_method_is_the_servers_and_basic_first(supported: tuple[str, ...] | None, has_secret: bool, method: str) -> None:
    """4.8, A-95, TB14."""
    assert choose_auth_method(supported, has_secret) == method


def test_a_bearer_token_is_a_secret_header() -> None:
    [(name, value)] = bearer(Secret("t0ken"))

    assert name == "authorization"
    assert isinstance(value, Secret)
    assert value.reveal() == "Bearer t0ken"
