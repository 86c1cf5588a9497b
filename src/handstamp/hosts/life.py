"""
One server's connection as it lives: tried, connected, lost, tried again, until nobody wants it any more.

    DISABLED            nothing happens
    STARTING            waits for its turn, connects and shakes hands, within the connection's own deadline; a person who is
                        signing in meanwhile has theirs (W3)
    CONNECTED           lists what the server offers, and again when it says that this has changed
    NEEDS_MORE_ACCESS   the same; a call wants scopes, and the same call, when it goes well, ends that
    UNREACHABLE         nobody said no: tried again after a pause that grows
    NEEDS_LOGIN, ERROR  a person has to do something; until `retry` the server hears nothing from us (W16)

Whatever ends a life sets one event, with its reason; the life then takes leave of the server, and has a second for that. No error
of one connection reaches another.
"""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from handstamp.errors import (
    ConnectFailed,
    HandstampError,
    LoginRequired,
    ServerBrokeProtocol,
    StepUpRequired,
    chain,
    hint,
)
from handstamp.hosts.answering import Answerer
from handstamp.hosts.catalogue import Catalogue
from handstamp.hosts.connecting import Ears, Link, connect
from handstamp.hosts.connection import Connected, LogLine, OnProgress
from handstamp.hosts.following import Follower
from handstamp.hosts.judging import explain, explain_start, find_trace, judge, refuse_late
from handstamp.hosts.pace import Pace, Turns, find_delay
from handstamp.hosts.questions import Questions
from handstamp.hosts.state import ConnectionState, ConnectionStatus
from handstamp.hosts.target import Target, target_key
from handstamp.words import one_line

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client.session import IncomingMessage
    from mcp.shared.dispatcher import ProgressFnT
    from mcp_types import CallToolResult, GetPromptResult, LoggingMessageNotificationParams, ReadResourceResult

__all__ = ["CONNECT_SECONDS", "LiveHost"]

CONNECT_SECONDS = 30.0
LEAVE_SECONDS = 1.0
STEADY_SECONDS = 60.0
"""A connection that has lasted so long is no failed try."""
MOST_LOG_LINES = 500
MOST_LOG_CHARACTERS = 10_000
PROGRAM_LEVEL = "notice"
"""Of what a program says on stderr, which may be anything."""

T = TypeVar("T")
Operation = tuple[str, str]
"""A method and what it was for: two of them are the same where a person would do the same again."""


class LiveHost:
    """A `Host`. `on_change` hears its key at each change."""

    def __init__(
        self,
        target: Target,
        *,
        answerer: Answerer,
        on_change: Callable[[str], None],
        pace: Pace,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self.target = target
        self.key = target_key(target)
        self.catalogue = Catalogue()
        self.connected: Connected | None = None
        self.done = anyio.Event()
        self._questions = Questions(target.name, answerer)
        self._on_change = on_change
        self._pace = pace
        self._connect_seconds = connect_seconds
        status = ConnectionStatus.STARTING if target.enabled else ConnectionStatus.DISABLED
        self.state = ConnectionState(status, pace.clock())
        self._log: deque[LogLine] = deque(maxlen=MOST_LOG_LINES)
        self._tries = 0
        self._wake = anyio.Event()
        self._is_leaving = False
        self._link: Link | None = None
        self._scope: anyio.CancelScope | None = None
        self._lost = anyio.Event()
        self._loss: Exception | None = None
        self._wanting: Operation | None = None
        self._follower: Follower | None = None

    @property
    def log(self) -> Sequence[LogLine]:
        return tuple(self._log)

    async def run(self, turns: Turns | None = None) -> None:
        """Until `leave`, or cancelled."""
        try:
            while not self._is_leaving:
                self._wake = anyio.Event()
                if not self.target.enabled:
                    await self._wake.wait()
                    continue
                self._stand(ConnectionState(ConnectionStatus.STARTING, self._pace.clock()))
                error = await self._live(turns)
                if error is not None and not self._is_leaving:
                    await self._rest(error)
        finally:
            self.done.set()

    def retry(self) -> None:
        self._tries = 0
        self._wake.set()
        self._end_life(None)

    def leave(self) -> None:
        """Ends it, after a word to the server where there is a connection."""
        self._is_leaving = True
        self._wake.set()
        self._end_life(None)

    async def call_tool(self, name: str, arguments: dict[str, Any], *, on_progress: OnProgress | None = None) -> "CallToolResult":
        hear = None if on_progress is None else _as_progress(on_progress)
        return await self._ask(("tools/call", name), lambda client: client.call_tool(name, arguments, progress_callback=hear))

    async def get_prompt(self, name: str, arguments: dict[str, str]) -> "GetPromptResult":
        return await self._ask(("prompts/get", name), lambda client: client.get_prompt(name, arguments))

    async def read_resource(self, uri: str) -> "ReadResourceResult":
        return await self._ask(("resources/read", uri), lambda client: client.read_resource(uri))

    async def _live(self, turns: Turns | None) -> HandstampError | None:
        """One life. Gives what ended it; None where it was `retry` or `leave`."""
        self._lost, self._loss = anyio.Event(), None
        error: Exception | None = None
        was_connected = False
        end_turn = _nothing
        with anyio.CancelScope() as scope:
            self._scope = scope
            try:
                end_turn = _nothing if turns is None else await turns.take()
                scope.deadline = anyio.current_time() + self._connect_seconds
                async with connect(self.target, questions=self._questions, ears=self._ears()) as link:
                    end_turn()
                    was_connected = True
                    scope.deadline = float("inf")
                    await self._stay(link, scope)
            except Exception as raised:
                error = raised
            finally:
                end_turn()
                self._link = self._follower = self._scope = self.connected = None
        if self._lost.is_set() and self._loss is None:
            return None
        if self._loss is None and error is None and scope.cancelled_caught:
            return refuse_late(self.target, self._connect_seconds)
        ended = self._loss or error
        return None if ended is None else self._name_error(ended, was_connected=was_connected)

    async def _stay(self, link: Link, scope: anyio.CancelScope) -> None:
        client = link.client
        self._link, self._wanting = link, None
        self._follower = follower = Follower(link, self._pace, self._take_catalogue)
        info, since = client.server_info, self._pace.clock()
        name, version = ("", "") if info is None else (info.name, info.version)
        self.connected = Connected(name, version, client.protocol_version, client.instructions)
        self._stand(ConnectionState(ConnectionStatus.CONNECTED, since))
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._follow, follower.list)
                tasks.start_soon(self._follow, follower.listen)
                await self._lost.wait()
                tasks.cancel_scope.cancel()
        finally:
            scope.deadline = anyio.current_time() + LEAVE_SECONDS
            self._link = None
            if self._pace.clock() - since >= STEADY_SECONDS:
                self._tries = 0

    async def _follow(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            self._end_life(error)

    async def _rest(self, error: HandstampError) -> None:
        now = self._pace.clock()
        state = judge(error, now=now, retry_in=lambda wanted: find_delay(self._tries, self._pace.random(), wanted))
        self._tries += 1
        self._note("error", error.message)
        self._stand(state)
        async with anyio.create_task_group() as tasks:
            if state.retry_at is not None:
                tasks.start_soon(self._wake_after, state.retry_at - now)
            await self._wake.wait()
            tasks.cancel_scope.cancel()

    async def _wake_after(self, seconds: float) -> None:
        await self._pace.sleep(seconds)
        self._wake.set()

    async def _ask(self, operation: Operation, work: "Callable[[Client], Awaitable[T]]") -> T:
        link = self._link
        if link is None:
            raise ConnectFailed(f"Expected a connection to {self.target.name}, and there is none now.", hint=self.state.next_step)
        try:
            result = await work(link.client)
        except Exception as error:
            failure = link.find_failure(error)
            await self._show_page(error)
            ours = explain(self.target, failure or error, refused=hint("tools", server=self.target.name))
            if link is self._link:  # of a connection that is over it says nothing about this one
                self._consider(operation, ours, is_ours=failure is not None)
            raise ours from error
        if link is self._link and operation == self._wanting:
            self._wanting = None
            self._stand(ConnectionState(ConnectionStatus.CONNECTED, self._pace.clock()))
        return result

    def _consider(self, operation: Operation, error: Exception, *, is_ours: bool) -> None:
        """What the failure of a call means for the connection: most often nothing."""
        match error:
            case StepUpRequired():
                self._wanting = operation
                self._stand(judge(error, now=self._pace.clock(), retry_in=float))
            case LoginRequired():
                self._end_life(error)
            case ConnectFailed() if is_ours:
                self._end_life(error)
            case _:
                self._note("warning", one_line(str(error), 1000))

    async def _show_page(self, error: Exception) -> None:
        """A-134: a server may answer a call with a page that the person has to visit first; the call is theirs to repeat."""
        from mcp import MCPError
        from mcp.shared.exceptions import UrlElicitationRequiredError
        from mcp_types import URL_ELICITATION_REQUIRED
        from pydantic import ValidationError

        if not isinstance(error, MCPError) or error.code != URL_ELICITATION_REQUIRED:
            return
        try:
            pages = UrlElicitationRequiredError.from_error(error.error).elicitations
        except (ValidationError, TypeError, AttributeError):
            return
        if pages:
            await self._questions.visit(pages[0].message, pages[0].url)

    def _ears(self) -> Ears:
        return Ears(
            message=self._hear, log=self._hear_log, words=self._hear_words, lost=self._end_life, dropped=self._hear_dropped
        )

    async def _hear(self, message: "IncomingMessage") -> None:
        if isinstance(message, HandstampError):
            self._end_life(message)
        elif isinstance(message, Exception):
            self._note("warning", "It sent something that is no message of MCP.")
        elif self._follower is not None:
            self._follower.hear(message)

    async def _hear_log(self, params: "LoggingMessageNotificationParams") -> None:
        text = params.data if isinstance(params.data, str) else json.dumps(params.data, ensure_ascii=False, default=str)
        self._note(params.level, text if params.logger is None else f"{params.logger}: {text}")

    def _hear_words(self, lines: Sequence[str]) -> None:
        for line in lines[-MOST_LOG_LINES:]:
            self._log.append(LogLine(self._pace.clock(), PROGRAM_LEVEL, line[:MOST_LOG_CHARACTERS]))
        self._tell()

    def _hear_dropped(self, error: Exception) -> None:
        self._note("warning", f"A message did not arrive: {one_line(str(error), 1000)}")

    def _end_life(self, error: Exception | None) -> None:
        """The first reason counts, but that somebody wants it ended counts more."""
        if not self._lost.is_set() or error is None:
            self._loss = error
        self._lost.set()
        if self._link is not None:
            self._link.loss = self._loss
        elif self._scope is not None:
            self._scope.cancel()

    def _name_error(self, error: Exception, *, was_connected: bool) -> HandstampError:
        said = [line.text for line in self._log if line.level == PROGRAM_LEVEL]
        ours = explain(self.target, error) if was_connected else explain_start(self.target, error, said)
        if isinstance(ours, HandstampError):
            return ours
        return ServerBrokeProtocol(
            f"Expected {self.target.name} to speak MCP, got an error: {_find_kind(ours)}.", hint=find_trace(self.target)
        )

    def _take_catalogue(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._tell()

    def _note(self, level: str, text: str) -> None:
        self._log.append(LogLine(self._pace.clock(), level, text[:MOST_LOG_CHARACTERS]))
        self._tell()

    def _stand(self, state: ConnectionState) -> None:
        self.state = state
        self._tell()

    def _tell(self) -> None:
        self._on_change(self.key)


def _find_kind(error: Exception) -> str:
    return next(type(each).__name__ for each in chain(error) if not isinstance(each, BaseExceptionGroup))


def _nothing() -> None:
    return


def _as_progress(on_progress: OnProgress) -> "ProgressFnT":
    async def hear(progress: float, total: float | None, message: str | None) -> None:
        await on_progress(progress, total, message)

    return hear
