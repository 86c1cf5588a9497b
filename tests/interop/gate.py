"""
A real MCP server on the official SDK that takes the access tokens of somebody else's authorization server.

It checks signed tokens with the issuer's keys, or asks the issuer about opaque ones.
Run with `python -m interop.gate --issuer URL`.
"""

import argparse
import os
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import jwt
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interop.hosting import serve
from interop.proof_gate import ProofGate

READ, WRITE = "notes:read", "notes:write"


@dataclass
class SignedTokens(TokenVerifier):
    """Checks RFC 9068 tokens with the issuer's published keys, read once: an outage of the issuer is none of this server."""

    issuer: str
    audience: str
    keys: jwt.PyJWKSet
    rejected: set[str] = field(default_factory=set[str])

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            key = self.keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, audience=self.audience, issuer=self.issuer, options={"require": ["exp", "jti"]})
        except (jwt.InvalidTokenError, KeyError):
            return None
        return None if claims["jti"] in self.rejected else describe(token, claims, self.audience)


@dataclass
class OpaqueTokens(TokenVerifier):
    """Asks the issuer (RFC 7662) at every call."""

    endpoint: str
    audience: str
    secret: str
    rejected: set[str] = field(default_factory=set[str])

    async def verify_token(self, token: str) -> AccessToken | None:
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.post(self.endpoint, data={"token": token}, auth=("gate", self.secret))
        claims = answer.raise_for_status().json()
        audience = claims.get("aud", [])
        named = self.audience in ([audience] if isinstance(audience, str) else audience)
        return describe(token, claims, self.audience) if claims["active"] and named else None


def describe(token: str, claims: dict[str, Any], audience: str) -> AccessToken:
    return AccessToken(
        token=token,
        client_id=claims["client_id"],
        scopes=claims.get("scope", "").split(),
        expires_at=claims["exp"],
        resource=audience,
        subject=claims.get("sub"),
    )


@dataclass
class ScopedChallenge:
    """Adds to the SDK's challenge the `scope` that it leaves out."""

    app: ASGIApp
    wanted: list[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def amended(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [self.amend(name, value) for name, value in message["headers"]]
            await send(message)

        await self.app(scope, receive, amended)

    def amend(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        scope = f', scope="{" ".join(self.wanted)}"'.encode()
        return (name, value + scope) if name.lower() == b"www-authenticate" else (name, value)


def read_metadata(issuer: str) -> dict[str, Any]:
    answer = httpx2.get(f"{issuer}/.well-known/openid-configuration", trust_env=False)
    return cast("dict[str, Any]", answer.raise_for_status().json())


def choose_verifier(issuer: str, audience: str, *, introspect: bool) -> SignedTokens | OpaqueTokens:
    metadata = read_metadata(issuer)
    if introspect:
        return OpaqueTokens(metadata["introspection_endpoint"], audience, os.environ["INTEROP_GATE_SECRET"])
    keys = httpx2.get(metadata["jwks_uri"], trust_env=False).raise_for_status().json()
    return SignedTokens(issuer, audience, jwt.PyJWKSet.from_dict(keys))


def build(origin: str, *, issuer: str, introspect: bool, bare_challenge: bool, dpop: bool, dpop_nonce: str | None) -> ASGIApp:
    resource = f"{origin}/mcp"
    verifier = choose_verifier(issuer, resource, introspect=introspect)
    # From text: a URL value of pydantic's would grow a slash, and an issuer with a slash is another issuer.
    settings = AuthSettings.model_validate(
        {"issuer_url": issuer, "resource_server_url": resource, "required_scopes": [READ], "validate_token_resource": True}
    )
    # The SDK's middleware keeps this very list, so a test can change what is wanted.
    wanted = settings.required_scopes
    assert wanted is not None
    server = MCPServer("gate", token_verifier=verifier, auth=settings, log_level="WARNING")
    add_tools(server)
    add_controls(server, verifier, wanted)
    app: ASGIApp = server.streamable_http_app()
    app = app if bare_challenge else ScopedChallenge(app, wanted)
    return ProofGate(app, resource, "/mcp", dpop_nonce) if dpop else app


def add_tools(server: MCPServer[Any]) -> None:
    @server.tool()
    def whoami() -> dict[str, object]:  # pyright: ignore[reportUnusedFunction]
        """Who the token says is calling, and what it allows."""
        token = get_access_token()
        assert token is not None
        return {"subject": token.subject, "client_id": token.client_id, "scopes": token.scopes}


def add_controls(server: MCPServer[Any], verifier: SignedTokens | OpaqueTokens, wanted: list[str]) -> None:
    async def reject(request: Request) -> JSONResponse:
        """By id and not by time: a token's `iat` is whole seconds, and the token that replaces it may be of the same one."""
        verifier.rejected.update((await request.json())["jti"])
        return JSONResponse({})

    async def demand(request: Request) -> JSONResponse:
        wanted[:] = (await request.json())["scopes"]
        return JSONResponse({})

    server.custom_route("/control/demand", methods=["POST"])(demand)
    server.custom_route("/control/reject", methods=["POST"])(reject)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--introspect", action="store_true")
    parser.add_argument("--bare-challenge", action="store_true")
    parser.add_argument("--dpop", action="store_true")
    parser.add_argument("--dpop-nonce")
    given = vars(parser.parse_args())
    port = given.pop("port")
    serve(lambda origin: build(origin, **given), port=port)


if __name__ == "__main__":
    main()
