"""One server's connection, from the first attempt until nobody wants it any more."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from handstamp.hosts.catalogue import Catalogue
from handstamp.hosts.state import ConnectionState
from handstamp.hosts.target import Target

if TYPE_CHECKING:
    from mcp_types import CallToolResult, GetPromptResult, ReadResourceResult

__all__ = ["Connected", "Host", "LogLine", "OnProgress"]

OnProgress = Callable[[float, float | None, str | None], Awaitable[None]]
"""Hears how far a call is: how much, of how much where the server says so, and the server's words."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """Something that happened to a connection, or that its server wanted logged."""

    at: float
    """Seconds since 1970, UTC."""
    level: str
    """`debug` to `emergency`, the words of MCP (RFC 5424 §6.2.1)."""
    text: str
    """Not yet fit to be shown where it is the server's."""


@dataclass(frozen=True, slots=True)
class Connected:
    """Who answered, as it says itself: to be shown with care."""

    name: str
    version: str
    protocol_version: str
    instructions: str | None = None


class Host(Protocol):
    """
    One server as a shell sees it. Its properties never wait; they change in the event loop that the fleet runs in, and whoever
    made the fleet hears of each change.

    The calls may be made while it is connected; they raise our own errors (LoginRequired, StepUpRequired, NetworkError,
    ServerSaidNo, ServerBrokeProtocol), and a StepUpRequired shows in the state too. Cancelling a call tells the server.
    """

    @property
    def key(self) -> str: ...
    @property
    def target(self) -> Target: ...
    @property
    def state(self) -> ConnectionState: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def connected(self) -> Connected | None: ...
    @property
    def log(self) -> Sequence[LogLine]:
        """The oldest first, at most 500."""
        ...

    def retry(self) -> None:
        """Connects anew, now, whatever the state; with the settings and the sign-in as they are by then."""
        ...

    async def call_tool(
        self, name: str, arguments: dict[str, Any], *, on_progress: OnProgress | None = None
    ) -> "CallToolResult": ...
    async def get_prompt(self, name: str, arguments: dict[str, str]) -> "GetPromptResult": ...
    async def read_resource(self, uri: str) -> "ReadResourceResult": ...
