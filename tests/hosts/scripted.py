"""An MCP server that is a function, behind a client without a network: for what must misbehave."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import anyio
import httpx2

from handstamp.errors import HandstampError
from handstamp.hosts.target import HttpTarget

__all__ = ["HANGS", "TOOL", "ScriptedServer", "notified"]

HANGS = object()
"""The answer that never comes."""
TOOL = {"name": "add", "inputSchema": {"type": "object"}}
FRESH = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
CAPABILITIES = {"tools": {"listChanged": True}, "prompts": {}, "resources": {}}
EMPTY: dict[str, dict[str, Any]] = {
    "tools/list": {"tools": [TOOL]},
    "prompts/list": {"prompts": []},
    "resources/list": {"resources": []},
    "resources/templates/list": {"resourceTemplates": []},
    "tools/call": {"content": [{"type": "text", "text": "done"}]},
}

Answer = Mapping[str, Any] | httpx2.Response | Exception | object
"""A result; a whole response; an error that the client raises; HANGS; or a function of the parameters that gives one of them."""


class ScriptedServer(httpx2.AsyncBaseTransport):
    """
    Streamable HTTP of 2025-11-25 with a session, and with `is_modern` of 2026-07-28. `answers` by method, of MCP or of HTTP,
    stand in for the usual ones. Counts what came by its method in `came`.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None, *, is_modern: bool = False) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.is_modern = is_modern
        self.came: Counter[str] = Counter()
        self.messages: list[dict[str, Any]] = []
        self.sessions = 0

    def target(self, name: str = "notes", **settings: Any) -> HttpTarget:
        return HttpTarget(
            name, "https://mcp.example/mcp", open_client=lambda: httpx2.AsyncClient(transport=self, trust_env=False), **settings
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method != "POST":
            self.came[request.method] += 1
            return await self._give(self.answers.get(request.method, httpx2.Response(405)), {}, None)
        message: dict[str, Any] = json.loads(await request.aread())
        method = message.get("method", "answer")
        self.came[method] += 1
        self.messages.append(message)
        answer = self.answers.get(method, self._usual(method))
        return await self._give(answer, message.get("params", {}), message.get("id"))

    async def aclose(self) -> None:
        self.came["closed"] += 1

    def _usual(self, method: str) -> Answer:
        about = {"capabilities": CAPABILITIES, "serverInfo": {"name": "scripted", "version": "1"}}
        match method:
            case "server/discover" if self.is_modern:
                return {"supportedVersions": ["2026-07-28"], **about}
            case "initialize" if not self.is_modern:
                self.sessions += 1
                result = {"protocolVersion": "2025-11-25", **about}
                return lambda params, number: _respond(number, result, {"Mcp-Session-Id": f"session-{self.sessions}"})
            case _:
                return EMPTY.get(method)

    async def _give(self, answer: Answer, params: Mapping[str, Any], number: Any) -> httpx2.Response:
        if callable(answer):
            answer = answer(params, number)
        elif isinstance(answer, httpx2.Response):
            answer = httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)
        if answer is HANGS:
            await anyio.sleep_forever()
        if isinstance(answer, HandstampError | httpx2.HTTPError):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        if number is None:
            return httpx2.Response(202)
        if answer is None:
            error = {"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "Method not found"}}
            return httpx2.Response(404, json=error)
        assert isinstance(answer, Mapping)
        return _respond(number, {**FRESH, **answer} if self.is_modern else dict(answer), {})


def notified(*notifications: Mapping[str, Any], result: Mapping[str, Any]) -> Callable[[Mapping[str, Any], Any], httpx2.Response]:
    """An answer as a stream of events: what the server has to say first, and the result."""

    def answer(params: Mapping[str, Any], number: Any) -> httpx2.Response:
        async def events() -> AsyncIterator[bytes]:
            for message in (
                *({"jsonrpc": "2.0", **each} for each in notifications),
                {"jsonrpc": "2.0", "id": number, "result": result},
            ):
                yield f"event: message\ndata: {json.dumps(message)}\n\n".encode()

        return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=events())

    return answer


def _respond(number: Any, result: Mapping[str, Any], headers: Mapping[str, str]) -> httpx2.Response:
    return httpx2.Response(200, json={"jsonrpc": "2.0", "id": number, "result": result}, headers=headers)
