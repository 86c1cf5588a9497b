"""Connections that stand as a test says, without a server."""

from collections.abc import Sequence
from typing import Any

from mcp_types import CallToolResult, GetPromptResult, ReadResourceResult, TextContent

from handstamp.hosts.catalogue import Catalogue
from handstamp.hosts.connection import Connected, LogLine, OnProgress
from handstamp.hosts.state import ConnectionState, ConnectionStatus
from handstamp.hosts.target import HttpTarget, Target, target_key

__all__ = ["NOON", "FakeHost"]

NOON = 1_795_435_200.0
"""2026-11-23 12:00 UTC: when it is in the tests of the terminal app."""


class FakeHost:
    """A `Host`. Remembers what was called in `calls`; gives the next of `results`, or raises it."""

    def __init__(
        self,
        target: Target | str,
        status: ConnectionStatus = ConnectionStatus.CONNECTED,
        *,
        catalogue: Catalogue | None = None,
        reason: str | None = None,
        next_step: str | None = None,
        scopes: tuple[str, ...] = (),
        log: Sequence[LogLine] = (),
    ) -> None:
        self.target = HttpTarget(target, f"https://mcp.{target}.example/mcp") if isinstance(target, str) else target
        self.key = target_key(self.target)
        self.state = ConnectionState(status, NOON, reason, next_step, scopes)
        self.catalogue = catalogue or Catalogue()
        self.connected: Connected | None = Connected(self.target.name, "1.0", "2026-07-28")
        self.log = log
        self.retries = 0
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.results: list[CallToolResult | Exception] = []

    def retry(self) -> None:
        self.retries += 1

    async def call_tool(self, name: str, arguments: dict[str, Any], *, on_progress: OnProgress | None = None) -> CallToolResult:
        self.calls.append((name, arguments))
        result = self.results.pop(0) if self.results else CallToolResult(content=[TextContent(text="done")])
        if isinstance(result, Exception):
            raise result
        return result

    async def get_prompt(self, name: str, arguments: dict[str, str]) -> GetPromptResult:
        self.calls.append((name, dict(arguments)))
        return GetPromptResult(messages=[])

    async def read_resource(self, uri: str) -> ReadResourceResult:
        self.calls.append((uri, {}))
        return ReadResourceResult(contents=[])
