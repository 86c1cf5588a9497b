"""The steps that need no person: what is asked, and for whom it is refused to ask."""

from dataclasses import replace

import pytest

from handstamp.errors import IssuerMismatch, RegistrationRejected, UsageError
from handstamp.model import DISCOVERED, ClientSettings, GrantType, IdentityProvider, Registration, RegistrationKind, Secret
from handstamp.protocol.client_auth import Credentials
from handstamp.protocol.client_settings import require_complete
from handstamp.protocol.exchange import Purpose
from handstamp.protocol.id_jag import (
    IdentityAssertion,
    SubjectToken,
    Wanted,
    ask_for_assertion,
    find_end,
    register_at_provider,
    use_identity_assertion,
)
from handstamp.protocol.machine_grants import Asking, register_machine, use_client_credentials
from protocol.wire import ISSUER, SERVER, Wire, a_registration, a_server, form_of, json_response
from signing import make_keys

TOKEN = f"{ISSUER}/token"
ANSWER = json_response({"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 600})
PROVIDER = IdentityProvider("https://login.example", "desktop", "file:/id-token")
CREDENTIALS = ClientSettings(client_id="ci", client_secret_from="env:CI", issuer=ISSUER, grant_type=GrantType.CLIENT_CREDENTIALS)
WORKLOAD = ClientSettings(assertion_from="file:/jwt", issuer=ISSUER, grant_type=GrantType.JWT_BEARER)
EMPLOYEE = replace(CREDENTIALS, grant_type=GrantType.ID_JAG, identity_provider=PROVIDER)
WANTED = Wanted(ISSUER, SERVER, ("read",))


def asking(registration: Registration, *scopes: str) -> Asking:
    return Asking(a_server(), registration, Credentials(), SERVER, scopes)


def test_client_credentials_ask_for_a_resource_and_its_scopes() -> None:
    """A-139."""
    wire = Wire({TOKEN: ANSWER})

    answer = wire.run(use_client_credentials(asking(a_registration(client_id="ci"), "read", "write")))

    [request] = wire.requests
    assert answer.token.access_token == Secret("an-access-token")
    assert (request.method, request.purpose) == ("POST", Purpose.TOKEN)
    assert form_of(request) == {
        "grant_type": "client_credentials",
        "resource": SERVER,
        "scope": "read write",
        "client_id": "ci",
    }


def test_without_scopes_none_are_sent() -> None:
    """A-70."""
    wire = Wire({TOKEN: ANSWER})

    wire.run(use_client_credentials(asking(a_registration())))

    assert "scope" not in form_of(wire.requests[0])


def test_a_client_of_one_server_is_not_used_at_another() -> None:
    """A-60, A-144."""
    wire, foreign = Wire(), a_registration(issuer="https://other.example")

    with pytest.raises(IssuerMismatch, match="nothing was sent"):
        wire.run(use_client_credentials(asking(foreign)))
    assert wire.requests == []


def test_an_assertion_for_one_server_is_not_used_at_another() -> None:
    """A-158."""
    wire = Wire()
    foreign = IdentityAssertion(Secret("an-assertion"), replace(WANTED, audience="https://other.example"), ("read",))

    with pytest.raises(IssuerMismatch, match="nothing was sent"):
        wire.run(use_identity_assertion(asking(a_registration()), foreign))
    assert wire.requests == []


@pytest.mark.parametrize(
    "other",
    [replace(WANTED, audience="https://b.example"), replace(WANTED, resource=f"{SERVER}/b"), replace(WANTED, scopes=("b",))],
)
def test_an_assertion_serves_what_it_was_asked_for(other: Wanted) -> None:
    """A-158, A-155."""
    assertion = IdentityAssertion(Secret("x"), WANTED, ("read",), expires_at=100.0)

    assert assertion.serves(WANTED, 99.0)
    assert not assertion.serves(WANTED, 100.0)
    assert not assertion.serves(other, 99.0)
    assert not replace(assertion, expires_at=None).serves(WANTED, 0.0)


def test_an_exchange_names_what_it_gives_and_what_it_wants() -> None:
    """A-147, A-148."""
    answer = json_response(
        {"issued_token_type": "urn:ietf:params:oauth:token-type:id-jag", "token_type": "n_a", "access_token": "an-id-jag"}
    )
    wire = Wire({"https://login.example/token": answer})

    assertion = wire.run(
        ask_for_assertion(
            "https://login.example/token",
            a_registration(client_id="desktop"),
            Credentials(),
            subject=SubjectToken(Secret("a-saml-assertion"), "saml2"),
            wanted=WANTED,
        )
    )

    [request] = wire.requests
    form = form_of(request)
    assert request.purpose is Purpose.TOKEN_EXCHANGE
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert form["subject_token_type"] == "urn:ietf:params:oauth:token-type:saml2"
    assert (form["audience"], form["resource"]) == (ISSUER, SERVER)
    assert (assertion.wanted, assertion.scopes, assertion.expires_at) == (WANTED, ("read",), None)


def test_the_provider_s_metadata_says_how_its_client_proves_itself() -> None:
    """A-149, A-26."""
    document = {
        "issuer": PROVIDER.issuer,
        "authorization_endpoint": "https://login.example/authorize",
        "token_endpoint": "https://login.example/oauth/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    wire = Wire({"https://login.example/.well-known/openid-configuration": json_response(document)})

    endpoint, registration = wire.run(register_at_provider(replace(PROVIDER, client_secret_from="env:IDP")))

    assert endpoint == "https://login.example/oauth/token"
    assert (registration.issuer, registration.client_id) == (PROVIDER.issuer, "desktop")
    assert registration.token_endpoint_auth_method == "client_secret_post"


@pytest.mark.parametrize(
    ("claims", "end"),
    [({"exp": 2_000_000_000}, 2e9), ({"exp": "soon"}, None), ({"exp": True}, None), ({"exp": -1}, None), ({"exp": 10**40}, None)],
)
def test_the_end_of_a_jwt_is_read_where_it_makes_sense(claims: dict[str, object], end: float | None) -> None:
    """A-155, TE4."""
    assert find_end(Secret(make_keys().sign(**claims))) == end  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "opaque", "a.b", "a.b.c", "<saml:Assertion/>"])
def test_what_is_no_jwt_tells_no_end(text: str) -> None:
    assert find_end(Secret(text)) is None


# The settings


@pytest.mark.parametrize("client", [ClientSettings(), CREDENTIALS, WORKLOAD, EMPLOYEE, replace(CREDENTIALS, issuer=DISCOVERED)])
def test_settings_that_say_all_that_is_needed_are_complete(client: ClientSettings) -> None:
    require_complete(client)


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (replace(CREDENTIALS, client_id=None), "client_id with"),
        (replace(CREDENTIALS, client_secret_from=None), "client_secret_from or private_key_from with"),
        (replace(CREDENTIALS, issuer=None), "issuer, the authorization server"),
        (replace(WORKLOAD, assertion_from=None), "assertion_from with"),
        (replace(WORKLOAD, issuer=None), "issuer, the authorization server"),
        (replace(EMPLOYEE, identity_provider=None), "identity_provider with"),
        (replace(EMPLOYEE, client_id=None), "client_id, or client_id_url and private_key_from,"),
        (replace(EMPLOYEE, client_id=None, client_id_url="https://x.example/c"), "client_id, or client_id_url and"),
        (replace(EMPLOYEE, client_secret_from=None), "client_secret_from or private_key_from with"),
        (replace(EMPLOYEE, issuer=None), "issuer, the authorization server"),
        (replace(CREDENTIALS, private_key_from="file:/k"), "got both"),
        (replace(CREDENTIALS, signing_algorithm="ES256"), "private_key_from with signing_algorithm"),
        (replace(CREDENTIALS, assertion_from="file:/jwt"), 'assertion_from only with grant_type = "jwt_bearer"'),
        (replace(CREDENTIALS, identity_provider=PROVIDER), 'identity_provider only with grant_type = "id_jag"'),
        (ClientSettings(assertion_from="file:/jwt"), 'got "authorization_code"'),
    ],
)
def test_settings_that_lack_something_name_it(client: ClientSettings, words: str) -> None:
    """A-137, A-142, A-144, A-156."""
    with pytest.raises(UsageError, match=words):
        require_complete(client)


def test_a_client_without_a_person_has_no_redirect_address() -> None:
    """A-138, A-59."""
    server = a_server(token_endpoint_auth_signing_alg_values_supported=("ES256",))

    registration = register_machine(server, CREDENTIALS)

    assert registration.kind is RegistrationKind.PRE_REGISTERED
    assert (registration.issuer, registration.client_id, registration.redirect_uri) == (ISSUER, "ci", "")
    assert registration.token_endpoint_auth_method == "client_secret_basic"
    assert registration.signing_algorithms_supported == ("ES256",)


def test_a_client_of_another_issuer_is_not_registered_here() -> None:
    """A-62."""
    with pytest.raises(IssuerMismatch, match="the issuer of the configured client"):
        register_machine(a_server(), replace(CREDENTIALS, issuer="https://other.example"))


def test_a_document_is_used_only_where_documents_are_taken() -> None:
    """A-152, A-40."""
    client = replace(
        EMPLOYEE,
        client_id=None,
        client_secret_from=None,
        client_id_url="https://client.example/c.json",
        private_key_from="file:/k",
    )

    taken = register_machine(a_server(client_id_metadata_document_supported=True), client)

    assert (taken.kind, taken.client_id) == (RegistrationKind.METADATA_DOCUMENT, "https://client.example/c.json")
    assert taken.token_endpoint_auth_method == "private_key_jwt"
    with pytest.raises(RegistrationRejected, match="takes no client metadata documents"):
        register_machine(a_server(), client)
