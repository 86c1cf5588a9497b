"""
Runs protocol steps over HTTP.

A step yields requests; the driver sends each, gives back the answer or throws in why there is none, and returns what the step
returns. One deadline bounds the whole exchange, so that neither a server that drips a byte a second nor a chain of dead
candidates outlasts it (TA15). A step may catch an error and go on to its next candidate, but not past the deadline.

    driver = Driver(Guard(Named(server)).open_transport)
    server = await driver.run(find_authorization_server(issuer), deadline=10)

httpx2 is used below its client, at the transport, whose connections are the guard's: no cookies, no redirects, no decoding and
no log lines that we did not choose (TA13).
"""

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeVar

import anyio
import httpx2

from handstamp.errors import HandstampError, MalformedResponse, NetworkError, TimedOut, forgetting_values
from handstamp.http.body import Body
from handstamp.http.wire import blame_failures, build_wire_request, describe_peer, find_redirect, parse_head
from handstamp.ports import Clock, ReadUptime
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response

__all__ = ["Driver", "Observer"]

T = TypeVar("T")

Observer = Callable[[Request, Response | HandstampError], None]
"""
Sees every request with its answer or failure, a redirect's hops included, and must not raise.

What the request holds as `Secret` stays masked; the answer's body is whole and, from a token endpoint, bears tokens.
"""

MAX_REDIRECTS = 3
MAX_REQUESTS = 16
"""Of one exchange, redirects included: metadata must not make us knock at every door (TA22)."""

# The probe only wants the head of the MCP server's answer; a body that has not come by then is an event stream in disguise.
PROBE_BODY_SECONDS = 2.0


class Driver:
    """
    Fulfils `HttpRunner`. Safe to share between tasks and threads; each run has its own connections.

    `open_transport` is the guard's, or a test's: it is called for each run, in the event loop that will use it.
    """

    def __init__(
        self,
        open_transport: Callable[[], httpx2.AsyncBaseTransport],
        *,
        clock: Clock = time.time,
        read_uptime: ReadUptime = lambda: None,
        observe: Observer | None = None,
    ) -> None:
        self._open_transport = open_transport
        self._clock = clock
        self._read_uptime = read_uptime
        self._observe = observe or _observe_nothing

    async def run(self, exchange: Exchange[T], *, deadline: float) -> T:
        """What the step returns, within `deadline` seconds in all. Raises what the step raises or lets pass."""
        # A token request stands in the clear in our frames and in those of every library below.
        with forgetting_values():
            async with self._open_transport() as transport:
                return await _Run(transport, self._clock, self._read_uptime, self._observe).run(exchange, deadline=deadline)

    def run_blocking(self, exchange: Exchange[T], *, deadline: float) -> T:
        """The same from a thread in which no event loop runs."""
        return anyio.run(partial(self.run, exchange, deadline=deadline))


class _Run:
    """One exchange on connections of its own, which are kept between its requests."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, clock: Clock, read_uptime: ReadUptime, observe: Observer) -> None:
        self._transport = transport
        self._clock = clock
        self._read_uptime = read_uptime
        self._observe = observe
        self._requests = 0

    async def run(self, exchange: Exchange[T], *, deadline: float) -> T:
        ends_at = anyio.current_time() + deadline
        try:
            request = next(exchange)
            while True:
                try:
                    response = await self._fetch(request, ends_at)
                except HandstampError as error:
                    request = exchange.throw(error)
                    # The step took it and wants to go on, but nothing more can be had.
                    if anyio.current_time() >= ends_at:
                        raise
                else:
                    request = exchange.send(response)
        except StopIteration as returned:
            value: T = returned.value
            return value
        finally:
            exchange.close()

    async def _fetch(self, request: Request, ends_at: float) -> Response:
        """The answer, redirects followed where they may be; where they may not, the redirect itself."""
        for _ in range(MAX_REDIRECTS):
            response = await self._fetch_observed(request, ends_at)
            target = find_redirect(request, response)
            if target is None:
                return response
            request = replace(request, url=target)
        return await self._fetch_observed(request, ends_at)

    async def _fetch_observed(self, request: Request, ends_at: float) -> Response:
        self._requests += 1
        if self._requests > MAX_REQUESTS:
            raise MalformedResponse(
                f"Expected to be done after {MAX_REQUESTS} requests, got sent on to {describe_peer(request)}."
            )
        try:
            response = await self._fetch_within(request, ends_at)
        except HandstampError as error:
            self._observe(request, error)
            raise
        self._observe(request, response)
        return response

    async def _fetch_within(self, request: Request, ends_at: float) -> Response:
        with anyio.CancelScope(deadline=ends_at):
            return await self._fetch_once(request)
        raise TimedOut(f"Expected a whole answer from {describe_peer(request)}, got none in time.")

    async def _fetch_once(self, request: Request) -> Response:
        wire_request = build_wire_request(request)
        with blame_failures(request):
            sent_at, sent_uptime = self._clock(), self._read_uptime()
            answer = await self._transport.handle_async_request(wire_request)
            try:
                head = parse_head(answer, request, sent_at)
                return replace(head, body=await _read_body(answer, head, request), sent_uptime=sent_uptime)
            finally:
                # Closes the connection too, unless the body was read to its end.
                await answer.aclose()


def _observe_nothing(request: Request, outcome: Response | HandstampError) -> None:
    pass


async def _read_body(answer: httpx2.Response, head: Response, request: Request) -> bytes:
    if request.purpose is Purpose.SERVER:
        return await _read_probe_body(answer, head, request)
    body = Body(head.header_list("content-encoding"), sender=describe_peer(request))
    await _feed(answer, body)
    return body.finish()


async def _read_probe_body(answer: httpx2.Response, head: Response, request: Request) -> bytes:
    """What comes soon and fits. The probe reads heads; a stream that stays open, or a body that breaks, does not hide one."""
    if head.media_type == "text/event-stream":
        return b""
    try:
        body = Body(head.header_list("content-encoding"), sender=describe_peer(request))
    except MalformedResponse:
        return b""
    with anyio.move_on_after(PROBE_BODY_SECONDS):
        try:
            with blame_failures(request):
                await _feed(answer, body)
        except (MalformedResponse, NetworkError):
            pass
    return bytes(body.decoded)


async def _feed(answer: httpx2.Response, body: Body) -> None:
    if answer.is_stream_consumed and isinstance(answer.stream, httpx2.ByteStream):
        # A transport that answers from memory.
        for chunk in answer.stream:
            body.feed(chunk)
        return
    async with aclosing(answer.aiter_raw()) as chunks:
        async for chunk in chunks:
            body.feed(chunk)
