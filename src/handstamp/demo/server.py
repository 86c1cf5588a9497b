"""
The demo's MCP server: three small tools behind the authority, on the official SDK.

Run as a process: `python -m handstamp.demo.server --port 0 --issuer URL`, the authority's control token in the environment. It
writes one JSON line, `{"url": …}`, once it listens, and ends on SIGTERM. Every request asks the authority about its token, so
that a token that was expired on command is refused at once. It speaks both lifecycles of the SDK: initialize with a session, and
2026-07-28 without.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import httpx2
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handstamp.demo.process import CONTROL_TOKEN_VARIABLE, is_controller, listen, serve

__all__ = ["build_app", "main"]

PATH = "/mcp"
SCOPES = ["read", "write"]
TOOL_SCOPES = {"stamp": "write"}


class IntrospectingVerifier(TokenVerifier):
    """Asks the authority about each token (RFC 7662), and remembers no answer."""

    def __init__(self, issuer: str, control_token: str) -> None:
        self._url = f"{issuer}/introspect"
        # trust_env: a proxy of the environment has no business with loopback.
        self.http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {control_token}"}, trust_env=False)

    async def verify_token(self, token: str) -> AccessToken | None:
        response = await self.http.post(self._url, data={"token": token})
        claims = response.raise_for_status().json()
        if not claims["active"]:
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
            resource=claims["aud"],
            subject=claims["sub"],
            claims={"iss": claims["iss"]},
        )


class ScopeGate:
    """
    Names the scopes in a challenge, which the SDK's does not, and refuses a tool whose scope the token lacks.

    The refusal is the 403 of RFC 6750 §3.1 and not an error of JSON-RPC, for only that tells a client what to ask for.
    """

    def __init__(self, app: ASGIApp, *, scopes: Sequence[str], resource_metadata: str, counts: Counter[str]) -> None:
        self._app = app
        self._scopes = " ".join(scopes)
        self._resource_metadata = resource_metadata
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._counts["requests"] += 1

        async def send_with_scopes(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._counts["refused"] += 1
                headers = MutableHeaders(scope=message)
                headers["WWW-Authenticate"] += f', scope="{self._scopes}"'
            await send(message)

        if scope["method"] != "POST" or "auth" not in scope:
            await self._app(scope, receive, send_with_scopes)
            return
        body = await Request(scope, receive).body()
        missing = self._missing_scope(scope, body)
        if missing:
            self._counts["insufficient_scope"] += 1
            await self._insufficient(missing)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send_with_scopes)

    def _missing_scope(self, scope: Scope, body: bytes) -> str | None:
        tool = _called_tool(body)
        self._counts["tool_calls"] += tool is not None
        needed = TOOL_SCOPES.get(tool or "")
        granted: list[str] = scope["auth"].scopes
        # Whoever is not signed in at all meets the SDK's 401 first.
        return needed if needed and granted and needed not in granted else None

    def _insufficient(self, missing: str) -> Response:
        challenge = f'Bearer error="insufficient_scope", scope="{missing}", resource_metadata="{self._resource_metadata}"'
        return JSONResponse({"error": "insufficient_scope"}, 403, headers={"WWW-Authenticate": challenge})


def build_app(origin: str, issuer: str, control_token: str, *, scopes: Sequence[str]) -> Starlette:
    """`scopes` are those that the 401 challenge asks for; `stamp` wants `write` in any case."""
    resource = f"{origin}{PATH}"
    resource_metadata = f"{origin}/.well-known/oauth-protected-resource{PATH}"
    counts: Counter[str] = Counter()
    verifier = IntrospectingVerifier(issuer, control_token)
    app = _build_mcp(issuer, resource, verifier).streamable_http_app(streamable_http_path=PATH)
    run_sessions = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        async with run_sessions(app), verifier.http:
            yield

    app.router.lifespan_context = lifespan

    async def metadata(request: Request) -> Response:
        return JSONResponse(
            {
                "resource": resource,
                "resource_name": "Handstamp demo",
                "authorization_servers": [issuer],
                "scopes_supported": SCOPES,
                "bearer_methods_supported": ["header"],
            }
        )

    async def tell_counts(request: Request) -> Response:
        if not is_controller(request, control_token):
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse({name: counts[name] for name in ("requests", "refused", "insufficient_scope", "tool_calls")})

    guarded = next(route for route in app.routes if isinstance(route, Route) and route.path == PATH)
    gate = ScopeGate(guarded.app, scopes=scopes, resource_metadata=resource_metadata, counts=counts)
    # Ahead of the SDK's own routes, whose metadata cannot list a scope that is not required of every request.
    app.router.routes[:0] = [
        Route(f"/.well-known/oauth-protected-resource{PATH}", metadata, methods=["GET"]),
        Route(PATH, gate),
        Route("/control/counts", tell_counts, methods=["GET"]),
    ]
    return app


def _build_mcp(issuer: str, resource: str, verifier: TokenVerifier) -> MCPServer[object]:
    mcp = MCPServer[object](
        "handstamp-demo",
        title="Handstamp demo",
        instructions="Three small tools behind a sign-in.",
        version="1",
        token_verifier=verifier,
        auth=AuthSettings(issuer_url=AnyHttpUrl(issuer), resource_server_url=AnyHttpUrl(resource), validate_token_resource=True),
        log_level="CRITICAL",
    )

    @mcp.tool()
    def whoami() -> str:
        """Who the token says you are, and what you may do."""
        token = get_access_token()
        return f"{token.subject}, allowed to {', '.join(token.scopes)}" if token else "nobody"

    @mcp.tool()
    def add(a: float, b: float) -> float:
        """The sum of two numbers."""
        return a + b

    @mcp.tool()
    def stamp(text: str) -> str:
        """Your text with a stamp on it. Needs the scope `write`."""
        line = "─" * (len(text) + 2)
        return f"╭{line}╮\n│ {text} │\n╰{line}╯ stamped"

    return mcp


def _called_tool(body: bytes) -> str | None:
    try:
        message = json.loads(body)
    except ValueError:
        return None
    match message:
        case {"method": "tools/call", "params": {"name": str(name)}}:
            return name
        case _:
            return None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A body that was read once, for the app to read again; then whatever the connection says."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m handstamp.demo.server", description="A protected MCP server to try out.")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--issuer", required=True, help="the authority's issuer")
    parser.add_argument("--scope", default="read write", help="what the challenge asks for; without write, `stamp` steps up")
    options = parser.parse_args(arguments)
    control_token = os.environ.get(CONTROL_TOKEN_VARIABLE)
    if not control_token:
        parser.error(f"{CONTROL_TOKEN_VARIABLE} is not set; the authority tells it when it starts")

    listener, origin = listen(options.port)
    app = build_app(origin, options.issuer, control_token, scopes=options.scope.split())
    sys.stdout.write(json.dumps({"url": f"{origin}{PATH}"}) + "\n")
    sys.stdout.flush()
    serve(app, listener)


if __name__ == "__main__":
    main()
