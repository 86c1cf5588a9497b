"""A server's questions to the person, from the SDK's callbacks to an `Answerer`: at most a few at a time."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from handstamp.hosts.answering import Answerer

if TYPE_CHECKING:
    from mcp.client.session import ClientRequestContext
    from mcp_types import CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams, ElicitResult, ErrorData

__all__ = ["MOST_QUESTIONS", "Questions"]

MOST_QUESTIONS = 5
"""That wait for the person at once. A server that asks more is answered for them: with no."""

T = TypeVar("T")


class Questions:
    """Of one connection. `server` is what the person calls it."""

    def __init__(self, server: str, answerer: Answerer) -> None:
        self._server = server
        self._answerer = answerer
        self._waiting = 0

    async def elicit(self, context: "ClientRequestContext", params: "ElicitRequestParams") -> "ElicitResult | ErrorData":
        from mcp_types import ElicitRequestURLParams

        if isinstance(params, ElicitRequestURLParams):
            return await self.visit(params.message, params.url)
        schema = dict(params.requested_schema)
        return await self._ask(lambda: self._answerer.fill_in(self._server, params.message, schema), _decline)

    async def visit(self, message: str, url: str) -> "ElicitResult":
        """A-134: only a page is ever shown to the person for a visit: no file, no script, no other program."""
        if not _is_page(url):
            return _decline()
        return await self._ask(lambda: self._answerer.visit(self._server, message, url), _decline)

    async def sample(
        self, context: "ClientRequestContext", params: "CreateMessageRequestParams"
    ) -> "CreateMessageResult | ErrorData":
        return await self._ask(lambda: self._answerer.sample(self._server, params), _refuse)

    async def _ask(self, ask: Callable[[], Awaitable[T]], refuse: Callable[[], T]) -> T:
        if self._waiting >= MOST_QUESTIONS:
            return refuse()
        self._waiting += 1
        try:
            return await ask()
        finally:
            self._waiting -= 1


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None


def _decline() -> "ElicitResult":
    from mcp_types import ElicitResult

    return ElicitResult(action="decline")


def _refuse() -> "CreateMessageResult | ErrorData":
    from mcp_types import INVALID_REQUEST, ErrorData

    return ErrorData(code=INVALID_REQUEST, message="Too many questions wait for an answer.")
