"""From a target to a connected client of the official SDK: the one place in the house that connects to MCP servers."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio

from handstamp.errors import ConnectFailed, chain
from handstamp.hosts.judging import explain, find_trace, is_end
from handstamp.hosts.questions import Questions
from handstamp.hosts.target import HttpTarget, ProgramTarget, Target

if TYPE_CHECKING:
    import httpx2
    from mcp import Client
    from mcp.client._transport import TransportStreams
    from mcp.client.session import LoggingFnT, MessageHandlerFnT
    from mcp.shared._httpx_utils import McpHttpClientFactory
    from mcp.shared.message import SessionMessage
    from mcp_types import Implementation

    from handstamp.hosts.carrying import Carrier

__all__ = ["Ears", "Link", "connect"]

QUIET = logging.NullHandler()
"""What the SDK logs, it also raises; a program without a handler would have it printed onto its screen."""


def _ignore(what: object) -> None:
    return


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears of what happens besides the answers to what was asked."""

    message: "MessageHandlerFnT | None" = None
    """What a server sends of itself, and what came that is no message."""
    log: "LoggingFnT | None" = None
    words: Callable[[Sequence[str]], None] = _ignore
    """What a program says on stderr."""
    lost: Callable[[Exception], None] = _ignore
    """The connection is of no use any more. May be called often, and from within the SDK."""
    dropped: Callable[[Exception], None] = _ignore
    """A message of ours that nobody waits for an answer to did not arrive."""


DEAF = Ears()


class Link:
    """A connected client, and what became of the requests that failed."""

    def __init__(self, client: "Client", target: Target, carrier: "Carrier | None") -> None:
        self.client = client
        self.loss: Exception | None = None
        """What ended it, for those whose answers will not come any more."""
        self._target = target
        self._carrier = carrier

    def find_failure(self, error: Exception) -> Exception | None:
        """What kept a request from being sent or answered; None where the server answered it."""
        return _find_failure(self._carrier, error) or (self.loss if is_end(error) else None)

    def explain(self, error: Exception, refused: str | None = None) -> Exception:
        """`judging.explain`, for what a request with this client raised."""
        return explain(self._target, self.find_failure(error) or error, refused=refused)


@asynccontextmanager
async def connect(target: Target, *, questions: Questions | None = None, ears: Ears = DEAF) -> AsyncGenerator[Link]:
    """
    A client that has shaken hands with the server, in whichever way the server knows. Sets no deadline.

    Without `questions` the server is told that nobody is there to ask. Raises what `judging.explain` explains.
    """
    from mcp import Client
    from mcp.client.extension import advertise

    logging.getLogger("mcp").addHandler(QUIET)
    carrier: Carrier | None = None
    extensions: tuple[str, ...] = ()
    mode = "auto"
    inject: Callable[[Callable[[SessionMessage], Awaitable[None]]], None] = _ignore
    match target:
        case ProgramTarget():
            from handstamp.hosts.programs import run_program

            transport = run_program(target, on_words=ears.words)
        case HttpTarget():
            carrier = _open_carrier(target, ears)
            inject = partial(setattr, carrier, "inject")
            transport, extensions = _open_transport(target, carrier), target.extensions
            if target.transport == "sse":
                mode = "legacy"  # it ended before there was another lifecycle
    client = Client(
        _watch(transport, partial(_report_end, target, ears), inject),
        mode=mode,
        client_info=_describe_ourselves(),
        message_handler=ears.message,
        logging_callback=ears.log,
        log_level=None if ears.log is None else "info",
        elicitation_callback=None if questions is None else questions.elicit,
        sampling_callback=None if questions is None else questions.sample,
        extensions=[advertise(each) for each in extensions],
        cache=None,  # who lists wants to know how it is now
    )
    is_connected = False
    try:
        async with client:
            is_connected = True
            if carrier is not None:
                carrier.is_connected = True
            yield Link(client, target, carrier)
    except Exception as error:
        failure = None if is_connected else _find_failure(carrier, error)
        if failure is None:
            raise
        raise failure from error


def _open_carrier(target: HttpTarget, ears: Ears) -> "Carrier":
    from handstamp.hosts.carrying import Carrier

    assert target.open_client is not None, "a target of a test that connects nowhere"
    is_sse = target.transport == "sse"
    return Carrier(target.open_client(), target, is_sse=is_sse, on_lost=ears.lost, on_dropped=ears.dropped)


@asynccontextmanager
async def _open_transport(target: HttpTarget, carrier: "Carrier") -> "AsyncGenerator[TransportStreams]":
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamable_http_client

    # Of a client the SDK's transports use what a Carrier has, and nothing else.
    http = cast("httpx2.AsyncClient", carrier)
    if target.transport == "sse":
        async with sse_client(target.url, httpx_client_factory=_give(http)) as streams:
            yield streams
    else:
        async with carrier, streamable_http_client(target.url, http_client=http) as streams:
            yield streams


@asynccontextmanager
async def _watch(
    transport: "AbstractAsyncContextManager[TransportStreams]",
    on_end: Callable[[], None],
    give_inject: "Callable[[Callable[[SessionMessage], Awaitable[None]]], None]",
) -> "AsyncGenerator[TransportStreams]":
    """The same streams. Tells when the server's has ended, which the SDK tells only to whoever waits for an answer."""
    async with transport as (read, write), anyio.create_task_group() as tasks:
        incoming, relayed = anyio.create_memory_object_stream[Any](0)
        give_inject(incoming.send)

        async def relay() -> None:
            async with incoming:
                with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    async for message in read:
                        await incoming.send(message)
                is_ours = incoming.statistics().open_receive_streams == 0
            if not is_ours:  # where the SDK has stopped to listen, the end is none of the server's
                on_end()

        tasks.start_soon(relay)
        try:
            yield relayed, write
        finally:
            tasks.cancel_scope.cancel()
            incoming.close()
            relayed.close()


def _give(client: "httpx2.AsyncClient") -> "McpHttpClientFactory":
    def give(
        headers: dict[str, str] | None = None, timeout: "httpx2.Timeout | None" = None, auth: "httpx2.Auth | None" = None
    ) -> "httpx2.AsyncClient":
        return client

    return give


def _report_end(target: Target, ears: Ears) -> None:
    ears.lost(ConnectFailed(f"{target.name} ended the connection.", hint=find_trace(target)))


def _find_failure(carrier: "Carrier | None", error: BaseException) -> Exception | None:
    if carrier is None:
        return None
    return next((found for each in chain(error) if (found := carrier.find_failure(each)) is not None), None)


def _describe_ourselves() -> "Implementation":
    from importlib.metadata import PackageNotFoundError, version

    from mcp_types import Implementation

    try:
        number = version("handstamp")
    except PackageNotFoundError:
        number = "0"
    return Implementation(name="handstamp", title="Handstamp", version=number)
