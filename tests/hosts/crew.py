"""A fleet in a test's event loop, and time that a test moves by hand."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio

from handstamp.hosts.answering import Answerer, Refusing
from handstamp.hosts.connection import Host
from handstamp.hosts.fleet import Fleet
from handstamp.hosts.pace import Pace
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import Target

__all__ = ["Crew", "PaceByHand", "Willing", "crew"]

SECONDS = 15.0


class PaceByHand:
    """Nobody's pause is over until a test moves the clock. Chance gives its highest."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.pauses: list[float] = []
        self._waiting: list[tuple[float, anyio.Event]] = []

    @property
    def pace(self) -> Pace:
        return Pace(clock=lambda: self.now, sleep=self._sleep, random=lambda: 1.0)

    async def move(self, seconds: float) -> None:
        await anyio.wait_all_tasks_blocked()
        self.now += seconds
        for due, over in self._waiting:
            if due <= self.now:
                over.set()
        await anyio.wait_all_tasks_blocked()

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        over = anyio.Event()
        self._waiting.append((self.now + seconds, over))
        await over.wait()


class Willing(Refusing):
    """Fills in what is asked and visits every page. Remembers what it was asked in `asked`."""

    def __init__(self, **content: Any) -> None:
        self.content = content
        self.asked: list[tuple[str, str]] = []

    async def fill_in(self, server: str, message: str, schema: dict[str, Any]) -> Any:
        from mcp_types import ElicitResult

        self.asked.append((server, message))
        return ElicitResult(action="accept", content=self.content)

    async def visit(self, server: str, message: str, url: str) -> Any:
        from mcp_types import ElicitResult

        self.asked.append((server, url))
        return ElicitResult(action="accept")


class Crew:
    """A fleet that runs, and what a test waits for."""

    def __init__(self, fleet: Fleet, time: PaceByHand) -> None:
        self.fleet = fleet
        self.time = time
        self.changes: list[str] = []
        self._changed = anyio.Event()

    def hear(self, key: str) -> None:
        self.changes.append(key)
        self._changed.set()

    def __getitem__(self, key: str) -> Host:
        return self.fleet.hosts[key]

    async def until(self, is_so: Callable[[], object]) -> None:
        with anyio.fail_after(SECONDS):
            while not is_so():
                self._changed = anyio.Event()
                await self._changed.wait()

    async def reach(self, key: str, status: ConnectionStatus) -> Host:
        try:
            await self.until(lambda: key in self.fleet.hosts and self[key].state.status is status)
        except TimeoutError:
            raise AssertionError(f"expected {status}, got {self[key].state}, log {self[key].log}") from None
        await anyio.wait_all_tasks_blocked()  # its pause, too, has begun
        return self[key]


@asynccontextmanager
async def crew(
    targets: Sequence[Target], *, answerer: Answerer | None = None, connect_seconds: float = SECONDS
) -> AsyncGenerator[Crew]:
    """Follows the targets inside the block. Pauses last until the test moves the clock."""
    time = PaceByHand()
    made: list[Crew] = []
    fleet = Fleet(
        answerer=answerer or Refusing(),
        on_change=lambda key: made[0].hear(key),
        pace=time.pace,
        connect_seconds=connect_seconds,
    )
    made.append(Crew(fleet, time))
    fleet.follow(targets)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fleet.run)
        yield made[0]
        tasks.cancel_scope.cancel()
