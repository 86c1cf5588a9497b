"""
Waits on loopback for the browser to come back with the answer of one login.

    accepting ──(accept() says yes)──► exchanging ──(finish())──► finished ──(block ends)──► closed

- *accepting*: any visit may come: favicons, prefetches, other logins' answers, pages that guess. None of them ends the login;
  what does not carry this login's state gets a static page, and the wait goes on (W7, TD1, TD2).
- *exchanging*: the answer was taken, once. The browser's request is held open while the code is exchanged, so that the page
  tells what really came of it (W8). The same address once more is a reload and is held too; any other is too late (TD3).
- *finished*: the held request is sent on to a clean address, so that neither the address bar nor the history keeps the code
  (TD13), and the outcome is served there. Nobody else knows that address: another user of this machine could read in the page
  who signed in, and whoever fetched it before the browser did would end the wait for it.

Only the literal loopback addresses are bound, only for as long as the block runs (A-79, TD10, TD11), and only requests for
exactly this host and port are heard, so that a name that points to 127.0.0.1 reaches nothing (TD5).
"""

import errno
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

import anyio
import anyio.abc

from handstamp.callback import page
from handstamp.callback.lobby import Lobby
from handstamp.callback.page import AlreadyFinished, NotThisLogin, Outcome
from handstamp.callback.visit import Reply, Visit, drain, plain_reply, read_visit, send_reply
from handstamp.errors import UsageError
from handstamp.model import CallbackPlan

__all__ = ["CallbackListener", "open_callback"]

ADDRESSES = {"127.0.0.1": ("127.0.0.1",), "localhost": ("127.0.0.1", "::1"), "[::1]": ("::1",)}
"""A redirect address's host, and where a browser may look for it (4.12)."""

MAX_VISITORS = 64
MAX_WAITING = 128
PAGE_SECONDS = 2.0
BIND_ATTEMPTS = 16
NO_IPV6 = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


class CallbackListener:
    """
    The redirect address of one login, open while the block runs.

        async with CallbackListener(accept) as listener:
            ...                                   # send the browser off, with listener.redirect_uri
            query = await listener.receive()
            ...                                   # exchange the code
            await listener.finish(SignedIn("linear"))

    `accept` gets the query of every visit to the path until it gives True for one: whether it is this login's answer, which its
    state tells. It must not raise. `host`, `port` and `path` are those of the redirect address as registered; port 0 takes a
    free one. Raises UsageError where they cannot be had: nothing else is tried instead.
    """

    def __init__(self, accept: Callable[[str], bool], *, host: str = "127.0.0.1", port: int = 0, path: str = "/callback") -> None:
        if host not in ADDRESSES:
            raise UsageError(f"Expected a redirect host of {', '.join(ADDRESSES)}, got {host!r}.")
        if not path.startswith("/") or not path.isascii() or not path.isprintable() or set(path) & set("?# "):
            raise UsageError(f"Expected a redirect path like /callback, got {path!r}.")
        self.port = port
        """The port; once the block has begun, never 0."""
        self._accept = accept
        self._host = host
        self._path = path
        self._done_path = f"{path.rstrip('/')}/done/{secrets.token_urlsafe(16)}"
        self._query: str | None = None
        self._outcome: Outcome | None = None
        self._received = anyio.Event()
        self._finished = anyio.Event()
        self._shown = anyio.Event()
        self._lobby = Lobby(MAX_VISITORS)
        self._resources = AsyncExitStack()

    @property
    def redirect_uri(self) -> str:
        return f"http://{self._authority}{self._path}"

    async def receive(self) -> str:
        """The query of the visit that `accept` took. Waits as long as it takes; may be cancelled and called again."""
        await self._received.wait()
        assert self._query is not None
        return self._query

    async def finish(self, outcome: Outcome) -> None:
        """
        Shows the outcome in the browser. Call it once, whatever the outcome, before the block ends.

        Returns when the browser has the page, and in any case after two seconds; at once where no browser came back, because
        the person pasted the address.
        """
        self._outcome = outcome
        self._finished.set()
        if self._query is not None:
            with anyio.move_on_after(PAGE_SECONDS):
                await self._shown.wait()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as resources:
            listeners = await self._bind()
            for listener in listeners:
                resources.push_async_callback(listener.aclose)
            tasks = await resources.enter_async_context(anyio.create_task_group())
            resources.callback(tasks.cancel_scope.cancel)
            for listener in listeners:
                tasks.start_soon(self._welcome, listener, tasks)
            self._resources = resources.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Closed without the block's error: the task group would wrap a LoginCancelled in an ExceptionGroup.
        await self._resources.aclose()

    @property
    def _authority(self) -> str:
        return f"{self._host}:{self.port}"

    async def _bind(self) -> list[anyio.abc.SocketListener]:
        for _ in range(BIND_ATTEMPTS):
            listeners = await self._bind_all(self.port)
            if listeners:
                self.port = listeners[0].extra(anyio.abc.SocketAttribute.local_port)
                return listeners
        raise UsageError(f"Expected a port that is free on {' and '.join(ADDRESSES[self._host])}, found none.")

    async def _bind_all(self, port: int) -> list[anyio.abc.SocketListener]:
        """One listener an address, all on one port; none where somebody else was faster on the free port that came."""
        listeners: list[anyio.abc.SocketListener] = []
        try:
            for address in ADDRESSES[self._host]:
                at = listeners[0].extra(anyio.abc.SocketAttribute.local_port) if listeners else port
                opened = await anyio.create_tcp_listener(local_host=address, local_port=at, backlog=MAX_WAITING)
                listener = opened.listeners[0]
                assert isinstance(listener, anyio.abc.SocketListener)
                listeners.append(listener)
        except OSError as error:
            if listeners and error.errno in NO_IPV6:
                return listeners
            for listener in listeners:
                await listener.aclose()
            if port == 0 and error.errno == errno.EADDRINUSE:
                return []
            raise UsageError(self._explain(error)) from error
        return listeners

    def _explain(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return f"Expected port {self.port} of {self._host} to be free for the sign-in's answer, but another program has it."
        return f"Expected to listen on port {self.port} of {self._host}, but the system refused: {error.strerror}."

    async def _welcome(self, listener: anyio.abc.SocketListener, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            try:
                stream = await listener.accept()
            except (OSError, anyio.BrokenResourceError):
                # Gone again, or no descriptor is free; the login outlives that.
                await anyio.sleep(0.1)
            else:
                tasks.start_soon(self._serve, stream)

    async def _serve(self, stream: anyio.abc.SocketStream) -> None:
        try:
            async with stream:
                visit = await self._lobby.seat(read_visit(stream))
                if visit is not None:
                    # Held outside of the lobby: the browser that brought the answer makes room for nobody.
                    reply = visit if isinstance(visit, Reply) else await self._answer(visit)
                    await self._lobby.seat(self._give(stream, visit, reply))
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            # The visitor left; there may be others.
            pass

    async def _give(self, stream: anyio.abc.SocketStream, visit: Visit | Reply, reply: Reply) -> None:
        await send_reply(stream, reply)
        if isinstance(visit, Visit) and visit.path == self._done_path and self._outcome is not None:
            self._shown.set()
        await drain(stream)

    async def _answer(self, visit: Visit) -> Reply:
        # A browser leaves the port of http out.
        if visit.header("host") not in (self._authority, self._authority.removesuffix(":80")):
            return plain_reply(421)
        if visit.path not in (self._path, self._done_path):
            return plain_reply(404)
        if visit.method != "GET":
            return plain_reply(405, ("Allow", "GET"))
        if not visit.is_navigation:
            return plain_reply(403)
        if visit.path == self._done_path:
            return _show(self._outcome) if self._outcome is not None else plain_reply(404)
        return await self._take(visit.query)

    async def _take(self, query: str) -> Reply:
        if self._outcome is not None or self._query not in (None, query):
            return _show(AlreadyFinished())
        if self._query is None and not self._accept(query):
            return _show(NotThisLogin())
        self._query = query
        self._received.set()
        await self._finished.wait()
        return plain_reply(303, ("Location", self._done_path))


def _show(outcome: Outcome) -> Reply:
    return Reply(page.status(outcome), tuple(page.headers()), page.render(outcome))


@asynccontextmanager
async def open_callback(plan: CallbackPlan, accept: Callable[[str], bool]) -> AsyncGenerator[CallbackListener]:
    """A listener on the first of the plan's ports that is free (4.12). Raises UsageError for the last one that is not."""
    async with AsyncExitStack() as stack:
        yield await _open_first(plan, accept, stack)


async def _open_first(plan: CallbackPlan, accept: Callable[[str], bool], stack: AsyncExitStack) -> CallbackListener:
    for port in plan.ports[:-1]:
        try:
            return await stack.enter_async_context(CallbackListener(accept, host=plan.host, port=port, path=plan.path))
        except UsageError:
            continue
    return await stack.enter_async_context(CallbackListener(accept, host=plan.host, port=plan.ports[-1], path=plan.path))
