"""A server behind a URL: the table `[servers.NAME]` that has a `url`."""

from dataclasses import dataclass
from typing import Literal

from handstamp.errors import UsageError
from handstamp.model import NO_CLIENT, OLDER, ClientSettings, Grant, GrantType, IdentityProvider, Named, Registration
from handstamp.protocol.client_settings import machine_id, require_complete
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.urls import parse_server_url, require_secure
from handstamp.settings.table import Table

__all__ = ["SERVER_KEYS", "ServerSettings", "parse_server"]

SERVER_KEYS = (
    "url",
    "client_id",
    "client_secret_from",
    "client_id_url",
    "issuer",
    "grant_type",
    "private_key_from",
    "signing_algorithm",
    "assertion_audience",
    "assertion_from",
    "identity_provider",
    "scopes",
    "callback_port",
    "headers",
    "code_challenge_methods_supported",
    "authorization_revision",
    "transport",
    "enabled",
)

PROVIDER_KEYS = (
    "issuer",
    "client_id",
    "subject_token_from",
    "subject_token_type",
    "token_endpoint",
    "client_secret_from",
    "refresh_token_from",
)
GRANT_TYPES = tuple(each.value for each in GrantType)
ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
AUDIENCES = ("token_endpoint",)
TRANSPORTS = ("http", "sse")
SUBJECT_TOKEN_TYPES = ("id_token", "refresh_token", "saml2")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """One server as the person named it. Everything but name and URL is optional."""

    name: str
    url: str
    client: ClientSettings = NO_CLIENT
    scopes: tuple[str, ...] = ()
    callback_port: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """
    Sent with every request to the server itself, never to an authorization server (W6).

    A value may be `env:NAME` or `file:PATH`, as of `client_secret_from`; `handstamp.wiring.read_headers` reads it at each use.
    """
    code_challenge_methods_supported: tuple[str, ...] | None = None
    """Stated by the person where the authorization server's metadata does not (4.4)."""
    authorization_revision: str | None = None
    """The revision of MCP whose way to sign in the person expects: `2025-03-26`, or None for what is found (4.5)."""
    transport: Literal["http", "sse"] = "http"
    """How its endpoint is spoken to: Streamable HTTP, or the HTTP+SSE of 2024-11-05."""
    enabled: bool = True
    """False where the person switched it off: the terminal app leaves it alone, every command that names it works."""
    is_configured: bool = True
    """False where only a URL was given: then that is its name too, which every command takes, and all else is as by default."""

    @property
    def named(self) -> Named:
        """What a person named with it."""
        return Named(self.url, self.client.authorization_server)

    def fits(self, grant: Grant) -> bool:
        """Whether a stored grant is one that these settings bring. Of a person's only the type counts: a login compares (W13)."""
        client = self.client
        if grant.grant_type is not client.grant_type:
            return False
        if client.grant_type is GrantType.AUTHORIZATION_CODE:
            return True
        is_same = grant.registration.client_id == machine_id(client) and self.is_of_client(grant.registration)
        return is_same and (not self.scopes or set(self.scopes) == set(grant.requested_scopes))

    def is_of_client(self, registration: Registration) -> bool:
        """Whether it is of the client that is configured now and at its issuer, as far as the settings name them (A-59, A-63)."""
        client = self.client
        is_same = client.client_id in (None, registration.client_id)
        return is_same and client.authorization_server in (None, registration.issuer)


def parse_server(name: str, table: Table) -> ServerSettings:
    """Raises SettingsError, or a UsageError or InsecureUrl that names the key alone."""
    url = parse_server_url(table.required_text("url"))
    return ServerSettings(
        name=name,
        url=url,
        client=_parse_client(table, url),
        scopes=parse_scopes(" ".join(table.strings("scopes") or ())),
        callback_port=table.port("callback_port"),
        headers=table.headers(),
        code_challenge_methods_supported=table.strings("code_challenge_methods_supported"),
        authorization_revision=_require_revision(table.text("authorization_revision")),
        transport="http" if table.choice("transport", TRANSPORTS) != "sse" else "sse",
        enabled=table.flag("enabled") is not False,
    )


def _parse_client(table: Table, url: str) -> ClientSettings:
    client = ClientSettings(
        client_id=table.text("client_id"),
        client_secret_from=table.place("client_secret_from", or_vault=True),
        client_id_url=table.document("client_id_url"),
        issuer=table.address("issuer", near=url),
        grant_type=GrantType(table.choice("grant_type", GRANT_TYPES) or GrantType.AUTHORIZATION_CODE),
        private_key_from=table.place("private_key_from"),
        signing_algorithm=table.choice("signing_algorithm", ALGORITHMS),
        assertion_audience=table.choice("assertion_audience", AUDIENCES),
        assertion_from=table.place("assertion_from"),
        identity_provider=_parse_identity_provider(table.below("identity_provider", PROVIDER_KEYS)),
    )
    require_complete(client)
    return client


def _parse_identity_provider(table: Table) -> IdentityProvider | None:
    if not table.values:
        return None
    issuer = table.required_text("issuer")
    return IdentityProvider(
        issuer=require_secure(issuer, "issuer of identity_provider", near=issuer),
        client_id=table.required_text("client_id"),
        subject_token_from=table.required_place("subject_token_from"),
        subject_token_type=table.choice("subject_token_type", SUBJECT_TOKEN_TYPES) or SUBJECT_TOKEN_TYPES[0],
        token_endpoint=table.address("token_endpoint", near=issuer),
        client_secret_from=table.place("client_secret_from"),
        refresh_token_from=table.place("refresh_token_from"),
    )


def _require_revision(value: str | None) -> str | None:
    if value not in (None, OLDER):
        raise UsageError(f'Expected authorization_revision = "{OLDER}", or nothing: newer ones are found, got {value!r}.')
    return value
