"""The tests' authority and MCP server on two ports of 127.0.0.1, in one thread of this process."""

import asyncio
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Protocol, Self

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from authority.abrupt_server import AbruptServer
from authority.binding import Bindings
from authority.issuing import USER, AuthorizationServer
from authority.knobs import Knobs
from authority.rotation import HandedOut, RotatingLedger
from authority.seen import Seen, look_at
from authority.serving import McpServer
from handstamp.demo.ledger import Issued, Permission

__all__ = ["Authority", "Place", "StartAuthority"]

A_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of the two servers listens, and under which name it is known."""

    address: str = "127.0.0.1"
    port: int = 0
    name: str | None = None

    def origin(self, port: int, tls: Path | None) -> str:
        shown = "" if tls and port == 443 else f":{port}"
        return f"{'https' if tls else 'http'}://{self.name or self.address}{shown}"


class Authority:
    """
    An authorization server and an MCP server that do as the knobs say.

    A context manager. Safe to turn and to read from any thread. Each has an origin of its own, so that a test sees who was asked.
    """

    def __init__(
        self,
        knobs: Knobs | None = None,
        *,
        places: tuple[Place, Place] = (Place(), Place()),
        tls: Path | None = None,
    ) -> None:
        """`places`: of the authorization server and the MCP server. `tls`: certificate and key, for https."""
        self.log: list[Seen] = []
        """Every request, in the order of arrival."""
        self.token_request_arrived = Event()
        """Set with each token request; a test may clear it."""
        self._knobs = knobs or Knobs()
        self._ledger = RotatingLedger(lifetime=A_DAY)
        self._set_up_ledger()
        self._listeners = [socket.create_server((place.address, place.port)) for place in places]
        self._addresses = [listener.getsockname()[:2] for listener in self._listeners]
        origins = [place.origin(port, tls) for place, (_, port) in zip(places, self._addresses, strict=True)]
        bindings = Bindings()
        self._authorization = AuthorizationServer(
            origins[0], self._knobs.metadata_path_issuer, self._ledger, bindings, lambda: self._knobs
        )
        self._older = AuthorizationServer(origins[1], "", self._ledger, bindings, lambda: self._knobs)
        self._mcp = McpServer(origins[1], self._authorization.issuer, self._ledger, bindings, lambda: self._knobs)
        self._server = _Server(self._app, tls)
        self._thread = Thread(target=self._run, name="authority", daemon=True)

    # What a test reads

    @property
    def knobs(self) -> Knobs:
        return self._knobs

    @property
    def issuer(self) -> str:
        return self._authorization.issuer

    @property
    def server_url(self) -> str:
        """The protected MCP server."""
        return self._mcp.url

    @property
    def counts(self) -> dict[str, Any]:
        """As the demo's `GET /control/counts`."""
        return self._ledger.counts()

    @property
    def token_requests(self) -> list[dict[str, str]]:
        """The forms that came to the token endpoint."""
        return [seen.form for seen in self.log if seen.method == "POST" and seen.path.endswith("/token")]

    @property
    def refreshes(self) -> int:
        """Refresh requests, whatever became of them."""
        return sum(form.get("grant_type") == "refresh_token" for form in self.token_requests)

    @property
    def handed_out(self) -> list[HandedOut]:
        """All access tokens, in the order in which they were made."""
        return self._ledger.handed_out

    @property
    def came_again(self) -> dict[str, float]:
        """Refresh tokens that came once more than they were good for, and how many seconds after their first use."""
        return self._ledger.came_again

    def requests_to(self, path: str) -> list[Seen]:
        return [seen for seen in self.log if seen.path == path]

    # What a test turns

    def turn(self, **knobs: Any) -> None:
        """Replaces the named knobs; the next request meets them."""
        self._knobs = replace(self._knobs, **knobs)
        self._set_up_ledger()

    def move_to(self, other: "Authority") -> None:
        """Its MCP server names the other's authorization server from now on, and takes the tokens of that one alone."""
        self._mcp.trust(other.issuer, other._ledger)

    def expire_access_tokens(self) -> None:
        self._ledger.expire_access_tokens()

    def revoke_everything(self) -> None:
        self._ledger.revoke_everything()

    def forget_clients(self) -> None:
        """Dynamic registrations are gone, as after a server's reset: `invalid_client`."""
        self._authorization.forget_clients()

    def release(self) -> None:
        """Lets the token requests go on that `token_status="hang"` holds now; the next is held again."""
        self._server.release()

    def grant(self, client_id: str, *scopes: str, resource: str | None = None) -> Issued:
        """Tokens as after a login, without one: for a client of `Knobs(clients=…)`."""
        permission = Permission(client_id, USER, scopes or ("read", "write"), resource or self.server_url)
        code = self._ledger.issue_code(permission, "", "")
        issued = self._ledger.spend_code(code, refreshable=not self._knobs.no_refresh_token)
        assert issued is not None
        return issued

    # Running

    def __enter__(self) -> Self:
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.stop()
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=self._listeners))

    def _set_up_ledger(self) -> None:
        self._ledger.rotate = self._knobs.rotate
        self._ledger.detect_reuse = self._knobs.reuse_detection
        self._ledger.grace = self._knobs.grace
        self._ledger.previous = self._knobs.previous

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked_authority = tuple(scope["server"]) == self._addresses[0]
        try:
            seen = await look_at(Request(scope, receive), "authority" if asked_authority else "server")
        except ClientDisconnect:
            return  # killed before all of it was sent
        self.log.append(seen)
        if asked_authority and seen.method == "POST" and seen.path.endswith("/token"):
            hangs = self._knobs.token_status == "hang"  # looked at first: whoever waits for the event may turn the knob at once
            self.token_request_arrived.set()
            if hangs:
                await self._server.hold()
            response = await self._answer_slowly(seen)
        else:
            response = self._answer(seen)
        if self._knobs.set_cookie is not None:
            response.headers.append("Set-Cookie", self._knobs.set_cookie)
        await response(scope, receive, send)

    async def _answer_slowly(self, seen: Seen) -> Response:
        half = self._knobs.latency / 2
        await asyncio.sleep(half)
        response = self._answer(seen)
        await asyncio.sleep(half)
        return response

    def _answer(self, seen: Seen) -> Response:
        if (redirect := self._knobs.redirects.get(seen.path)) is not None:
            return Response(status_code=redirect[0], headers={"Location": redirect[1]})
        if seen.at == "authority":
            return self._authorization.answer(seen)
        return self._older.answer(seen) if self._knobs.older and not self._mcp.has(seen.path) else self._mcp.answer(seen)


class StartAuthority(Protocol):
    """The fixture `authority`."""

    def __call__(self, knobs: Knobs | None = None) -> Authority: ...


class _Server(AbruptServer):
    """One that can hold requests, and lets them go at its end."""

    def __init__(self, app: ASGIApp, tls: Path | None) -> None:
        # h11: an answer that is cut short on purpose closes the connection and says nothing more.
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                ssl_certfile=tls,
                ssl_keyfile=tls,
            )
        )
        self._held: list[asyncio.Future[None]] = []
        self._holds = True

    async def hold(self) -> None:
        if not self._holds:
            return
        future = asyncio.get_running_loop().create_future()
        self._held.append(future)
        await future

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._let_go)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._holds = False
        self._let_go()
        await super().shutdown(sockets)

    def _let_go(self) -> None:
        for future in self._held:
            if not future.done():
                future.set_result(None)
        self._held.clear()
