"""
Identity assertions (ID-JAG): what an organisation's identity provider says of a person who has signed in there, made for one
authorization server and one resource. It is traded there for a token, and is never shown to the resource itself.
"""

from dataclasses import dataclass, replace

from handstamp.errors import IssuerMismatch, MalformedResponse, UsageError
from handstamp.model import IdentityProvider, Registration, RegistrationKind, Secret, place_name
from handstamp.protocol.answers import ACCEPT_JSON, read_answer
from handstamp.protocol.client_auth import Credentials, Fields, authenticate, choose_auth_method
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response
from handstamp.protocol.machine_grants import Asking, use_assertion
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.server import AuthorizationServer, find_authorization_server
from handstamp.protocol.text import mask, safe
from handstamp.protocol.tokens import MAX_TOKEN_LENGTH, TokenResponse, read_claims, read_identity, read_lifetime
from handstamp.protocol.urls import host

__all__ = [
    "IdentityAssertion",
    "SubjectToken",
    "Wanted",
    "ask_for_assertion",
    "find_end",
    "register_at_provider",
    "require_profile",
    "use_identity_assertion",
]

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
ID_JAG = f"{TOKEN_TYPE}id-jag"
PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"


@dataclass(frozen=True, slots=True)
class SubjectToken:
    """What a person's sign-in at their organisation has left behind."""

    value: Secret
    kind: str
    """`id_token`, `refresh_token` or `saml2`: the end of its RFC 8693 identifier."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an assertion is asked for."""

    audience: str
    """The issuer of the one authorization server that may see it."""
    resource: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IdentityAssertion:
    """An ID-JAG. It serves what it was asked for, and nothing else (A-158)."""

    value: Secret
    wanted: Wanted
    scopes: tuple[str, ...]
    """Granted by the identity provider: perhaps fewer than were asked for (A-150)."""
    expires_at: float | None = None

    def serves(self, wanted: Wanted, now: float) -> bool:
        """Whether it may be sent once more (A-155). One that tells no end serves once."""
        return self.wanted == wanted and self.expires_at is not None and now < self.expires_at


def require_profile(server: AuthorizationServer) -> None:
    """Returns unless the metadata lists the profiles of its grants, and this one is not among them (A-153). Raises UsageError."""
    listed = server.authorization_grant_profiles_supported
    if listed is not None and PROFILE not in listed:
        raise UsageError(
            f"Expected {host(server.issuer)} to take an identity provider's word, got a list of profiles without it."
        )


def register_at_provider(provider: IdentityProvider) -> Exchange[tuple[str, Registration]]:
    """
    The identity provider's token endpoint, and who we are there: the client that signs people in there (A-149).

    Asks its metadata where no endpoint is configured. Raises as `find_authorization_server`.
    """
    endpoint, methods = provider.token_endpoint, None
    if endpoint is None:
        server = yield from find_authorization_server(provider.issuer, near=provider.issuer)
        endpoint, methods = server.token_endpoint, server.token_endpoint_auth_methods_supported
    registration = Registration(
        provider.issuer,
        RegistrationKind.PRE_REGISTERED,
        provider.client_id,
        redirect_uri="",
        token_endpoint_auth_method=choose_auth_method(methods, provider.client_secret_from is not None),
        client_secret_from=place_name(provider.client_secret_from),
    )
    return endpoint, registration


def ask_for_assertion(
    endpoint: str,
    registration: Registration,
    credentials: Credentials,
    *,
    subject: SubjectToken,
    wanted: Wanted,
) -> Exchange[IdentityAssertion]:
    """
    Exchanges a sign-in for an assertion (RFC 8693, A-147 to A-150).

    Raises ServerSaidNo in its kinds, TemporarilyUnavailable, and MalformedResponse for anything that is no ID-JAG.
    """
    headers, fields = authenticate(registration, credentials, token_endpoint=endpoint)
    form: Fields = (
        ("grant_type", TOKEN_EXCHANGE),
        ("requested_token_type", ID_JAG),
        ("subject_token", subject.value),
        ("subject_token_type", f"{TOKEN_TYPE}{subject.kind}"),
        ("audience", wanted.audience),
        ("resource", wanted.resource),
    )
    scope: Fields = (("scope", " ".join(wanted.scopes)),) if wanted.scopes else ()
    request = Request("POST", endpoint, Purpose.TOKEN_EXCHANGE, headers=ACCEPT_JSON + headers, form=form + scope + fields)
    response = yield request
    return judge_exchange(request, response, wanted)


def judge_exchange(request: Request, response: Response, wanted: Wanted) -> IdentityAssertion:
    """The assertion in an answer. A token of any other kind might be good elsewhere, so it is not passed on (A-150)."""
    body = read_answer(request, response)
    for member, expected in (("issued_token_type", ID_JAG), ("token_type", "N_A")):
        found = body.get(member)
        if not isinstance(found, str) or found.lower() != expected.lower():
            got = safe(mask(found, request.secrets), 60) if isinstance(found, str) else "none"
            raise MalformedResponse(f'Expected {member} "{expected}" in the answer to the token exchange, got {got}.')
    value = body.get("access_token")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN_LENGTH:
        raise MalformedResponse('Expected "access_token" in the answer to the token exchange as a string of bounded length.')
    scope, lifetime = body.get("scope"), read_lifetime(body.get("expires_in"))
    return IdentityAssertion(
        Secret(value),
        wanted,
        parse_scopes(scope) if isinstance(scope, str) else wanted.scopes,
        expires_at=find_end(Secret(value)) if lifetime is None else response.sent_at + lifetime,
    )


def use_identity_assertion(asking: Asking, assertion: IdentityAssertion) -> Exchange[TokenResponse]:
    """
    Trades it for a token at the authorization server that it was made for (A-151), and nowhere else.

    Raises IssuerMismatch for another one, and the errors of `use_assertion`.
    """
    issuer, audience = asking.server.issuer, assertion.wanted.audience
    if audience != issuer:
        raise IssuerMismatch(f"Expected an assertion for {safe(issuer)}, got one for {safe(audience)}: nothing was sent.")
    granted = replace(asking, resource=assertion.wanted.resource, scopes=assertion.scopes)
    answer = yield from use_assertion(granted, assertion.value)
    return replace(answer, identity=answer.identity or read_identity(assertion.value.reveal()))


def find_end(token: Secret) -> float | None:
    """When a JWT says that it ends, seconds since 1970, UTC; None where it says nothing, or is none. Unverified."""
    end = read_claims(token.reveal()).get("exp")
    return float(end) if isinstance(end, int | float) and not isinstance(end, bool) and 0 < end < 1e15 else None
