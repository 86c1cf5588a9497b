"""The honest login that the targets' bytes break into: who was asked for what, with which secrets."""

from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token
from handstamp.protocol.authorization import AuthorizationRequest
from handstamp.protocol.server import AuthorizationServer

__all__ = ["AUTHORIZATION", "GRANT", "ISSUER", "KEY", "REDIRECT_URI", "REGISTRATION", "SECRETS", "SERVER", "SERVER_URL"]

SERVER_URL = "https://mcp.example/mcp"
ISSUER = "https://auth.example"
REDIRECT_URI = "http://127.0.0.1:49152/callback"

STATE = "the-state-of-this-login"
VERIFIER = "the-verifier-that-proves-who-began"
CODE = "the-code-of-this-login"
CLIENT_SECRET = "the-secret-of-the-client"
ACCESS_TOKEN = "the-access-token"
REFRESH_TOKEN = "the-refresh-token"
SENT_FOR_CODE = (VERIFIER, CODE, CLIENT_SECRET)
SENT_FOR_REFRESH = (CLIENT_SECRET, REFRESH_TOKEN)
SECRETS = (*SENT_FOR_CODE, *SENT_FOR_REFRESH)
"""What requests bear, and what no error may repeat."""

SERVER = AuthorizationServer(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/authorize",
    token_endpoint=f"{ISSUER}/token",
    registration_endpoint=f"{ISSUER}/register",
    revocation_endpoint=f"{ISSUER}/revoke",
    code_challenge_methods_supported=("S256",),
    authorization_response_iss_parameter_supported=True,
)

REGISTRATION = Registration(
    ISSUER, RegistrationKind.DYNAMIC, "client-1", REDIRECT_URI, "client_secret_post", client_secret=Secret(CLIENT_SECRET)
)

AUTHORIZATION = AuthorizationRequest(
    issuer=ISSUER,
    authorization_endpoint=SERVER.authorization_endpoint,
    client_id=REGISTRATION.client_id,
    redirect_uri=REDIRECT_URI,
    resource=SERVER_URL,
    scopes=("read", "write"),
    state=Secret(STATE),
    code_verifier=Secret(VERIFIER),
    iss_expected=True,
)

KEY = GrantKey("me", SERVER_URL, "default", ISSUER)

GRANT = Grant(
    key=KEY,
    resource=SERVER_URL,
    scopes=("read", "write"),
    registration=REGISTRATION,
    token=Token(Secret(ACCESS_TOKEN), 0.0, 3600.0, Secret(REFRESH_TOKEN)),
    token_endpoint=SERVER.token_endpoint,
    revocation_endpoint=SERVER.revocation_endpoint,
    identity="me@example.com",
    granted_at=0.0,
    requested_scopes=("read", "write"),
)
