"""A person's token by their organisation's word (ID-JAG), and what happens as each of its pieces ends."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from application.machines import NAME, SECRET, Program, a_program
from authority import Authority, Knobs, StartAuthority
from handstamp.errors import (
    AccessDenied,
    IssuerMismatch,
    LoginRequired,
    MalformedResponse,
    SettingsError,
    UsageError,
)
from handstamp.model import GrantType, IdentityProvider
from signing import an_id_token, make_keys

KEYS = make_keys(owner="an identity provider")
REFRESH_TOKEN = "stamp_rt_of-the-identity-provider-itself"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"


@pytest.fixture
def organisation(authority: StartAuthority) -> Authority:
    return authority(
        Knobs(
            id_jag_key=KEYS.private_pem,
            clients={"desktop": ""},
            auth_methods=("none", "client_secret_basic"),
        )
    )


@pytest.fixture
def site(authority: StartAuthority, organisation: Authority) -> Authority:
    """Takes the organisation's word for who somebody is."""
    return authority(
        Knobs(
            assertion_keys={organisation.issuer: KEYS.public_pem},
            clients={"ci": SECRET},
            auth_methods=("client_secret_basic",),
        )
    )


@pytest.fixture
def employee(home: Path, site: Authority, organisation: Authority) -> Iterator[Program]:
    """Has signed in at the organisation: a program there has left the ID token."""
    provider = IdentityProvider(organisation.issuer, "desktop", subject_token_from=lambda: "")
    with a_program(home, site, grant_type=GrantType.ID_JAG, identity_provider=provider) as program:
        sign_in_there(program, organisation)
        yield program


def sign_in_there(program: Program, organisation: Authority, *, lifetime: float = 300.0) -> str:
    token = an_id_token(KEYS, issuer=organisation.issuer, client_id="desktop", lifetime=lifetime)
    organisation.turn(subject_tokens={**organisation.knobs.subject_tokens, token: "id_token"})
    use(program, subject_token_from=lambda: token)
    return token


def use(program: Program, **changes: Any) -> None:
    provider = program.client.identity_provider
    assert provider is not None
    program.configure(identity_provider=replace(provider, **changes))


def test_two_requests_bring_a_token_and_nobody_is_sent_anywhere(employee: Program, organisation: Authority) -> None:
    """A-146 to A-149, A-151, A-154: each leg with its own client."""
    said = employee.who()

    [exchange], [trade] = organisation.token_requests, employee.site.token_requests
    assert said == "alice@example.com, allowed to read"
    assert exchange == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": f"{TOKEN_TYPE}id-jag",
        "subject_token": exchange["subject_token"],
        "subject_token_type": f"{TOKEN_TYPE}id_token",
        "audience": employee.site.issuer,
        "resource": employee.site.server_url,
        "scope": "read",
        "client_id": "desktop",
    }
    assert trade == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": trade["assertion"],
        "resource": employee.site.server_url,
        "scope": "read",
        "client_id": "ci",
    }
    assert employee.site.requests_to("/token")[0].headers["authorization"].startswith("Basic ")
    assert employee.site.counts["authorization_requests"] == 0
    assert employee.site.counts["registrations"] == 0


def test_the_assertion_is_shown_to_one_authorization_server_and_never_to_the_resource(
    employee: Program, organisation: Authority
) -> None:
    """A-150, A-158, A-160."""
    employee.ask()

    assertion = employee.site.token_requests[0]["assertion"]
    elsewhere = [seen for seen in [*employee.site.log, *organisation.log] if seen.path != "/token"]
    assert not any(assertion in f"{seen.headers}{seen.path}{seen.query}{seen.body!r}" for seen in elsewhere)


def test_the_grant_says_whose_it_is_and_keeps_neither_piece(employee: Program) -> None:
    """A-160."""
    employee.ask()

    grant = employee.vault().grant(NAME)
    assert grant is not None
    assert (grant.grant_type, grant.identity) == (GrantType.ID_JAG, "alice@example.com")
    assert grant.token.refresh_token is None


def test_the_client_proves_itself_to_the_provider_as_it_does_there(employee: Program, organisation: Authority) -> None:
    """A-149."""
    organisation.turn(clients={"desktop": SECRET})
    use(employee, client_secret_from=lambda: SECRET)

    assert employee.ask().status_code == 200
    assert organisation.requests_to("/token")[0].headers["authorization"].startswith("Basic ")


def test_a_configured_token_endpoint_spares_the_providers_metadata(employee: Program, organisation: Authority) -> None:
    """A-147."""
    use(employee, token_endpoint=f"{organisation.issuer}/token")

    assert employee.ask().status_code == 200
    assert [seen.path for seen in organisation.log] == ["/token"]


def test_a_client_with_a_metadata_document_and_a_key_needs_no_registration(employee: Program, organisation: Authority) -> None:
    """A-152."""
    document, keys = "https://client.example/handstamp.json", make_keys()
    employee.site.turn(
        client_id_metadata_document_supported=True, client_keys={document: keys.public_pem}, auth_methods=("private_key_jwt",)
    )
    organisation.turn(id_jag_client=document)
    employee.configure(client_id=None, client_id_url=document, client_secret_from=None, private_key_from=lambda: keys.private_pem)

    assert employee.who() == "alice@example.com, allowed to read"
    [form] = employee.site.token_requests
    assert jwt.decode(form["client_assertion"], options={"verify_signature": False})["sub"] == document


# The chain of what ends


def test_a_token_that_has_ended_is_followed_by_one_for_the_same_assertion(employee: Program, organisation: Authority) -> None:
    """A-155: the identity provider is not asked while its word is good."""
    vault = employee.vault()
    employee.ask(vault)
    employee.site.expire_access_tokens()

    assert employee.ask(vault).status_code == 200
    first, second = (form["assertion"] for form in employee.site.token_requests)
    assert first == second
    assert len(organisation.token_requests) == 1


def test_an_assertion_that_has_ended_is_followed_by_a_new_one(employee: Program, organisation: Authority) -> None:
    """A-155: ten seconds before its end it is over."""
    organisation.turn(id_jag_lifetime=9)
    vault = employee.vault()
    employee.ask(vault)
    employee.site.expire_access_tokens()

    assert employee.ask(vault).status_code == 200
    assert len(organisation.token_requests) == 2


def test_a_server_that_takes_an_assertion_once_gets_another(employee: Program, organisation: Authority) -> None:
    """A-155: whether it takes one twice, only it knows."""
    employee.site.turn(assertions_once=True)
    vault = employee.vault()
    employee.ask(vault)
    employee.site.expire_access_tokens()

    assert employee.ask(vault).status_code == 200
    assert (len(organisation.token_requests), len(employee.site.token_requests)) == (2, 3)


def test_an_id_token_that_has_ended_needs_a_person_and_says_where(employee: Program, organisation: Authority) -> None:
    """A-155, A-154: it is not sent, and no browser opens."""
    sign_in_there(employee, organisation, lifetime=-1)

    with pytest.raises(LoginRequired, match=r"sign in at 127\.0\.0\.1 again: the ID token has ended") as caught:
        employee.ask()

    assert caught.value.hint == f"handstamp login {NAME}"
    assert organisation.token_requests == []


def test_an_id_token_that_the_provider_no_longer_takes_needs_a_person_too(employee: Program, organisation: Authority) -> None:
    """A-155."""
    organisation.turn(subject_tokens={})

    with pytest.raises(LoginRequired, match="the ID token has ended"):
        employee.ask()


@pytest.mark.parametrize("lifetime", [-1.0, 300.0], ids=["ended", "refused"])
def test_a_refresh_token_takes_the_place_of_an_id_token_that_has_ended(
    lifetime: float, employee: Program, organisation: Authority
) -> None:
    """A-155, A-147."""
    sign_in_there(employee, organisation, lifetime=lifetime)
    organisation.turn(subject_tokens={REFRESH_TOKEN: "refresh_token"})
    use(employee, refresh_token_from=lambda: REFRESH_TOKEN)

    assert employee.ask().status_code == 200
    last = organisation.token_requests[-1]
    assert (last["subject_token"], last["subject_token_type"]) == (REFRESH_TOKEN, f"{TOKEN_TYPE}refresh_token")


@pytest.mark.parametrize("kind", ["saml2", "refresh_token"])
def test_a_sign_in_of_another_kind_is_called_what_it_is(kind: str, employee: Program, organisation: Authority) -> None:
    """A-147, A-159: the provider may exchange a SAML assertion itself."""
    organisation.turn(subject_tokens={"a-sign-in": kind})
    use(employee, subject_token_from=lambda: "a-sign-in", subject_token_type=kind)

    assert employee.ask().status_code == 200
    assert organisation.token_requests[0]["subject_token_type"] == f"{TOKEN_TYPE}{kind}"


# What is refused


@pytest.mark.parametrize("where", ["organisation", "site"])
def test_a_sign_in_that_is_too_weak_is_done_again_at_the_organisation(
    where: str, employee: Program, organisation: Authority
) -> None:
    """A-157."""
    if where == "organisation":
        organisation.turn(exchange_error="insufficient_user_authentication")
    else:
        employee.site.turn(machine_error="insufficient_user_authentication")

    with pytest.raises(LoginRequired, match="stronger sign-in"):
        employee.ask()


def test_what_the_organisation_does_not_allow_is_told_as_it_is(employee: Program, organisation: Authority) -> None:
    """A-161."""
    organisation.turn(exchange_error="access_denied")

    with pytest.raises(AccessDenied):
        employee.ask()
    assert employee.site.token_requests == []


def test_fewer_scopes_than_were_asked_for_are_what_is_asked_for_next(employee: Program, organisation: Authority) -> None:
    """A-150, A-161."""
    employee.scopes = ("read", "write")
    organisation.turn(exchange={"scope": "read"})

    employee.ask()

    grant = employee.vault().grant(NAME)
    assert grant is not None
    assert (employee.site.token_requests[0]["scope"], grant.scopes, grant.requested_scopes) == (
        "read",
        ("read",),
        ("read", "write"),
    )


@pytest.mark.parametrize(
    "members",
    [
        {"issued_token_type": f"{TOKEN_TYPE}access_token"},
        {"issued_token_type": None},
        {"token_type": "Bearer"},
        {"token_type": None},
        {"access_token": None},
        {"access_token": 5},
    ],
)
def test_what_is_no_assertion_is_not_passed_on(members: dict[str, object], employee: Program, organisation: Authority) -> None:
    """A-150: a bearer token of the organisation's would be good there."""
    organisation.turn(exchange=members)

    with pytest.raises(MalformedResponse, match="token exchange"):
        employee.ask()
    assert employee.site.token_requests == []


def test_a_server_whose_profiles_leave_it_out_is_not_asked(employee: Program, organisation: Authority) -> None:
    """A-153."""
    employee.site.turn(server_metadata={"authorization_grant_profiles_supported": ["urn:example:other"]})

    with pytest.raises(UsageError, match="without it"):
        employee.ask()
    assert organisation.log == []


def test_a_rogue_server_gets_no_assertion_and_none_is_made_for_it(
    employee: Program, organisation: Authority, authority: StartAuthority
) -> None:
    """A-144, A-158, A-63."""
    rogue = authority(Knobs(auth_methods=None))
    employee.site.turn(authorization_servers=(rogue.issuer,))

    with pytest.raises(IssuerMismatch):
        employee.ask()
    assert rogue.log == organisation.log == []


def test_a_provider_whose_metadata_speaks_for_another_gets_no_sign_in(employee: Program, organisation: Authority) -> None:
    """A-63."""
    organisation.turn(issuer_in_metadata="https://rogue.example")

    with pytest.raises(IssuerMismatch):
        employee.ask()
    assert organisation.token_requests == []


def test_a_sign_in_that_is_not_there_is_an_error_of_the_settings(employee: Program) -> None:
    use(employee, subject_token_from="env:NOT_SET_ANYWHERE")

    with pytest.raises(SettingsError, match="the ID token in the environment variable NOT_SET_ANYWHERE"):
        employee.ask()
