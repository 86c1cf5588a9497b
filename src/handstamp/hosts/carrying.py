"""
The HTTP client as the SDK's transports see it: one request's failure is that request's, and says what really happened.

The SDK runs all requests of a connection in one task group, and what one of them raises ends them all; over HTTP+SSE it ends in
a log, and whoever asked waits for ever (W2). Of a status above 399 it tells no more than that there was one. So the SDK never
sees either: a request that fails is answered with an error of JSON-RPC that carries a word of ours, and by that word whoever
asked finds the error itself.

While a connection is being made there is nothing to keep, and what a request raises is raised: asking on in an older way, which
the SDK does after any answer, would only ask a server twice that wants a sign-in.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio
import httpx2

from handstamp.errors import ConnectFailed, HandstampError, find_error
from handstamp.hosts.judging import explain, find_trace, refuse_status
from handstamp.hosts.target import Target

if TYPE_CHECKING:
    from mcp.shared.message import SessionMessage
    from mcp_types import JSONRPCError

__all__ = ["Carrier", "Report"]

Report = Callable[[Exception], None]
MOST_FAILURES = 1000
"""Of requests whose asker has gone, and will never look for theirs."""
MOST_ERROR_BYTES = 1_000_000
BUSY = frozenset((429, 502, 503, 504))
"""Nothing of MCP's has spoken: whatever else was asked would be answered the same."""


class Carrier:
    """
    What the SDK uses of an `httpx2.AsyncClient`. For one connection.

    `on_lost` hears of what ends the whole connection: a session that the server no longer knows, or no network where it listens
    for messages. `on_dropped` hears of messages that nobody waits for an answer to, and that did not arrive.
    """

    def __init__(self, client: httpx2.AsyncClient, target: Target, *, is_sse: bool, on_lost: Report, on_dropped: Report) -> None:
        self._client = client
        self._target = target
        self._is_sse = is_sse
        self._on_lost = on_lost
        self._on_dropped = on_dropped
        self._failures: dict[str, Exception] = {}
        self.is_connected = False
        self.inject: Callable[[SessionMessage], Awaitable[None]] | None = None
        """Puts a message where the server's arrive; over HTTP+SSE the answer to a POST is nothing that the SDK would read."""

    @property
    def max_redirects(self) -> int:
        return self._client.max_redirects

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.__aexit__(kind, error, trace)

    def build_request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Request:
        return self._client.build_request(method, url, **options)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        try:
            response = await self._client.send(request, **options)
        except (HandstampError, httpx2.HTTPError) as error:
            return await self._after(request, error)
        if response.status_code < 400:
            return response
        try:
            return await self._judge_status(request, response)
        finally:
            await response.aclose()

    def find_failure(self, error: BaseException) -> Exception | None:
        """What really happened to a request that the SDK says was answered with `error`; None where the server said it."""
        match getattr(getattr(error, "error", None), "data", None):
            case {"handstamp": str(key)}:
                return self._failures.pop(key, None)
            case _:
                return None

    async def _after(self, request: httpx2.Request, error: Exception) -> httpx2.Response:
        if request.method == "GET" and self.is_connected:
            self._on_lost(error)
        is_message = request.method == "POST" and (self.is_connected or self._is_sse)
        if not is_message:
            raise error
        return await self._answer(request, error)

    async def _judge_status(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        status = response.status_code
        if status == 404 and "mcp-session-id" in request.headers:
            lost = ConnectFailed(f"{self._target.name} no longer knows this session.", hint=find_trace(self._target))
            self._on_lost(lost)
            return await self._answer(request, lost) if request.method == "POST" else response
        if request.method != "POST":
            return response
        if not self._is_sse and status not in BUSY and await _is_answer(response):
            return response
        error = refuse_status(self._target, response)
        if status in BUSY and not self.is_connected and not self._is_sse:
            raise error
        return await self._answer(request, error)

    async def _answer(self, request: httpx2.Request, error: Exception) -> httpx2.Response:
        """As if the server had answered: with an error to a request, with a nod to anything else."""
        from mcp.shared.message import SessionMessage

        request_id = _find_id(request)
        if request_id is None:
            self._on_dropped(error)
            return httpx2.Response(202, request=request)
        answer = self._describe(request_id, error)
        if not self._is_sse:
            return httpx2.Response(200, json=answer.model_dump(by_alias=True, mode="json"), request=request)
        if self.inject is not None:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await self.inject(SessionMessage(answer))
        return httpx2.Response(202, request=request)

    def _describe(self, request_id: str | int, error: Exception) -> "JSONRPCError":
        from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError

        key = secrets.token_hex(8)
        while len(self._failures) >= MOST_FAILURES:
            del self._failures[next(iter(self._failures))]
        self._failures[key] = find_error(error) or explain(self._target, error)
        data = ErrorData(code=INTERNAL_ERROR, message="The request failed.", data={"handstamp": key})
        return JSONRPCError(jsonrpc="2.0", id=request_id, error=data)


def _find_id(request: httpx2.Request) -> str | int | None:
    """The id of the JSON-RPC request in it; None where it is a notification or an answer of ours."""
    try:
        message = json.loads(request.content)
    except (ValueError, httpx2.RequestNotRead):
        return None
    match message:
        case {"method": str(), "id": str() | int() as request_id}:
            return request_id
        case _:
            return None


async def _is_answer(response: httpx2.Response) -> bool:
    """Whether it is an error of JSON-RPC: that stands, whatever the status. Then the response has been read."""
    from mcp_types import JSONRPCError, jsonrpc_message_adapter

    if not response.headers.get("content-type", "").lower().startswith("application/json"):
        return False
    if int(response.headers.get("content-length", "0") or 0) > MOST_ERROR_BYTES:
        return False
    try:
        return isinstance(jsonrpc_message_adapter.validate_json(await response.aread(), by_name=False), JSONRPCError)
    except (ValueError, httpx2.HTTPError):
        return False
