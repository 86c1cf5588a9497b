"""Grants to store, and the secrets that no file may show."""

from dataclasses import replace

from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token

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


def grant_for(
    *, owner: str = KEY.owner, server: str = KEY.server, account: str = KEY.account, issuer: str = KEY.issuer, at: float = 1000.0
) -> Grant:
    return replace(GRANT, key=GrantKey(owner, server, account, issuer), granted_at=at)


def with_access_token(grant: Grant, value: str) -> Grant:
    return replace(grant, token=replace(grant.token, access_token=Secret(value)))
