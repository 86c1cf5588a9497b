"""Grants to store, and the secrets that no file may show."""

from dataclasses import replace

from handstamp.model import (
    Failure,
    Grant,
    GrantKey,
    GrantType,
    Pending,
    Registration,
    RegistrationKind,
    Secret,
    Token,
    Uptime,
)

KEY = GrantKey("alice", "https://mcp.example/mcp", "default", "https://issuer.example")

ACCESS_TOKEN = "access-token-that-nobody-may-see"
REFRESH_TOKEN = "refresh-token-that-nobody-may-see"
CLIENT_SECRET = "client-secret-that-nobody-may-see"
DPOP_KEY = "dpop-key-that-nobody-may-see"
SECRETS = (ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET, DPOP_KEY)

REGISTRATION = Registration(
    issuer=KEY.issuer,
    kind=RegistrationKind.DYNAMIC,
    client_id="client-1",
    redirect_uri="http://127.0.0.1:40704/callback",
    token_endpoint_auth_method="client_secret_basic",
    client_secret=Secret(CLIENT_SECRET),
    client_secret_expires_at=2_000_000_000.0,
    scopes=("read", "write", "admin"),
)

GRANT = Grant(
    key=KEY,
    resource="https://mcp.example/mcp",
    scopes=("read", "write"),
    registration=REGISTRATION,
    token=Token(
        Secret(ACCESS_TOKEN),
        obtained_at=1000.5,
        expires_at=4600.5,
        refresh_token=Secret(REFRESH_TOKEN),
        token_type="DPoP",
        dpop_key=Secret(DPOP_KEY),
    ),
    token_endpoint="https://issuer.example/token",
    revocation_endpoint="https://issuer.example/revoke",
    identity="alice@example.com",
    granted_at=1000.0,
    requested_scopes=("read", "write", "admin"),
    refused_scopes=("admin",),
)

OTHER = Grant(
    key=KEY,
    resource="https://mcp.example/other",
    scopes=("admin",),
    registration=replace(REGISTRATION, client_id="client-2", scopes=()),
    token=Token(Secret("other"), obtained_at=5000.0, obtained_uptime=Uptime("a-boot", 60.0, 7.5)),
    token_endpoint="https://issuer.example/other/token",
    revocation_endpoint=None,
    identity="Alice",
    granted_at=5000.0,
    refused="fingerprint",
    requested_scopes=("admin",),
    refused_scopes=("read",),
    grant_type=GrantType.CLIENT_CREDENTIALS,
    pending=Pending(6000.0, "fingerprint"),
    failure=Failure(7000.0, "timed_out", "The server did not answer."),
)
"""Differs from GRANT in everything but its key."""


def grant_for(
    *, owner: str = KEY.owner, server: str = KEY.server, account: str = KEY.account, issuer: str = KEY.issuer, at: float = 1000.0
) -> Grant:
    return replace(GRANT, key=GrantKey(owner, server, account, issuer), granted_at=at)


def with_access_token(grant: Grant, value: str) -> Grant:
    return replace(grant, token=replace(grant.token, access_token=Secret(value)))
