"""
The grants that need no person: the client's own credentials (RFC 6749 §4.4), and an assertion (RFC 7523 §2.1).

The client was registered beforehand, or the assertion names it: no server is ever asked to register it (A-138).
"""

from dataclasses import dataclass

from handstamp.errors import IssuerMismatch, RegistrationRejected
from handstamp.model import ClientSettings, GrantType, Registration, RegistrationKind, Secret, place_name
from handstamp.protocol.client_auth import Credentials, Fields
from handstamp.protocol.client_settings import machine_id, require_complete
from handstamp.protocol.dpop import Prover
from handstamp.protocol.exchange import Exchange
from handstamp.protocol.registration import configured_method
from handstamp.protocol.server import AuthorizationServer
from handstamp.protocol.text import safe
from handstamp.protocol.tokens import TokenResponse, ask_for_token
from handstamp.protocol.urls import host

__all__ = ["Asking", "register_machine", "use_assertion", "use_client_credentials"]

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def register_machine(server: AuthorizationServer, client: ClientSettings) -> Registration:
    """
    Who the client is at `server`. There is no redirect address.

    Raises UsageError for settings that are not complete, IssuerMismatch for another server's client (A-62), RegistrationRejected
    where the server takes no such client.
    """
    require_complete(client)
    expected = client.authorization_server
    if expected is not None and expected != server.issuer:
        raise IssuerMismatch(f"Expected {safe(expected)}, the issuer of the configured client, got {safe(server.issuer)}.")
    is_document = client.client_id is None and client.grant_type is GrantType.ID_JAG
    if is_document and not server.client_id_metadata_document_supported:
        raise RegistrationRejected(f"{host(server.issuer)} takes no client metadata documents, so client_id is needed.")
    return Registration(
        server.issuer,
        RegistrationKind.METADATA_DOCUMENT if is_document else RegistrationKind.PRE_REGISTERED,
        machine_id(client),
        redirect_uri="",
        token_endpoint_auth_method=configured_method(server, client),
        client_secret_from=place_name(client.client_secret_from),
        private_key_from=place_name(client.private_key_from),
        signing_algorithm=client.signing_algorithm,
        signing_algorithms_supported=server.token_endpoint_auth_signing_alg_values_supported,
        assertion_audience=client.assertion_audience,
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks whom for what, whatever the grant."""

    server: AuthorizationServer
    registration: Registration
    credentials: Credentials
    resource: str
    scopes: tuple[str, ...]
    prover: Prover | None = None
    """Of the key that the token is to be bound to (RFC 9449)."""


def use_client_credentials(asking: Asking) -> Exchange[TokenResponse]:
    """A token for the client itself (A-139). Raises the errors of `ask_for_token`; IssuerMismatch for another server's client."""
    return (yield from _ask(asking, (("grant_type", "client_credentials"),)))


def use_assertion(asking: Asking, assertion: Secret) -> Exchange[TokenResponse]:
    """A token for whom a JWT speaks of (A-151, A-162). Raises as `use_client_credentials`."""
    return (yield from _ask(asking, (("grant_type", JWT_BEARER), ("assertion", assertion))))


def _ask(asking: Asking, grant: Fields) -> Exchange[TokenResponse]:
    server, registration = asking.server, asking.registration
    if registration.issuer != server.issuer:
        raise IssuerMismatch(
            f"Expected a client of {safe(server.issuer)}, got one of {safe(registration.issuer)}: nothing was sent."
        )
    scope: Fields = (("scope", " ".join(asking.scopes)),) if asking.scopes else ()
    form: Fields = (*grant, ("resource", asking.resource), *scope)
    return (yield from ask_for_token(server.token_endpoint, registration, asking.credentials, form, asking.prover))
