"""Real servers on the official SDK, in a thread of this process: as a user of the SDK writes one, and behind a sign-in."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from threading import Thread
from types import TracebackType
from typing import Any, Self

import httpx2
import uvicorn
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context, MCPServer
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from authority.abrupt_server import AbruptServer
from handstamp.demo.server import IntrospectingVerifier
from handstamp.hosts.target import HttpTarget

__all__ = ["Served", "build_growing", "build_guarded_sse", "target_of"]


class Served(AbruptServer):
    """An ASGI application with a lifespan on a port of loopback. A context manager."""

    def __init__(self, build: Callable[[str], ASGIApp]) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        super().__init__(uvicorn.Config(build(self.origin), http="h11", ws="none", log_config=None, access_log=False))
        self._thread = Thread(target=lambda: asyncio.run(self.serve(sockets=[listener])), name="served")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self.ready.wait(20)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._thread.join()


def build_growing(*, is_modern: bool) -> Callable[[str], ASGIApp]:
    """A server whose tool `grow` makes another tool and tells of it; `count` says how far it is; `ask` asks the person."""
    from typing import Annotated

    from mcp.server.mcpserver import Elicit, Resolve
    from pydantic import BaseModel

    class Name(BaseModel):
        name: str

    server = MCPServer("growing", version="1", log_level="CRITICAL")

    def another() -> str:
        """Another one."""
        return "here"

    @server.tool()
    async def grow(context: Context) -> str:
        """Make another tool."""
        server.add_tool(another)
        if is_modern:
            await context.notify_tools_changed()
        else:
            await context.request_context.session.send_tool_list_changed()
        return "grown"

    @server.tool()
    async def count(context: Context) -> str:
        """Count to two."""
        await context.report_progress(1, 2, "one")
        return "two"

    async def who() -> Elicit[Name]:
        return Elicit("Who are you?", Name)

    @server.tool()
    async def ask(name: Annotated[Name, Resolve(who)]) -> str:
        """Ask the person for a name."""
        return f"Hello {name.name}"

    @server.resource("notes://{day}")
    def notes(day: str) -> str:
        """Of a day."""
        return f"Nothing on {day}."

    app = server.streamable_http_app()
    return lambda _origin: app if is_modern else WithoutDiscovery(app)


class WithoutDiscovery:
    """As a server that was written before 2026-07-28 answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if dict(scope.get("headers", ())).get(b"mcp-method") == b"server/discover":
            await JSONResponse({"error": "unknown"}, 400)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def build_guarded_sse(issuer: str, control_token: str) -> Callable[[str], ASGIApp]:
    """HTTP+SSE of 2024-11-05 behind the demo's authority."""

    def build(origin: str) -> ASGIApp:
        resource = f"{origin}/sse"
        verifier = IntrospectingVerifier(issuer, control_token)
        settings = AuthSettings.model_validate(
            {"issuer_url": issuer, "resource_server_url": resource, "validate_token_resource": True}
        )
        server = MCPServer("older", version="1", token_verifier=verifier, auth=settings, log_level="CRITICAL")

        @server.tool()
        def add(a: int, b: int) -> int:
            """Add two numbers."""
            return a + b

        async def metadata(_: Request) -> JSONResponse:
            return JSONResponse({"resource": resource, "authorization_servers": [issuer], "scopes_supported": ["read", "write"]})

        app = server.sse_app()
        app.router.routes.insert(0, Route("/.well-known/oauth-protected-resource/sse", metadata))

        @asynccontextmanager
        async def lifespan(_: Any) -> AsyncGenerator[None]:
            async with verifier.http:
                yield

        app.router.lifespan_context = lifespan
        return app

    return build


def target_of(served: Served, name: str = "notes") -> HttpTarget:
    return HttpTarget(name, f"{served.origin}/mcp", open_client=lambda: httpx2.AsyncClient(trust_env=False))
