"""`handstamp.flight.Flight` as one process of the simulation has it: the same rules, a greenlet for its thread."""

from collections.abc import Callable, Coroutine, Generator
from copy import copy
from typing import Any, TypeVar

from greenlet import GreenletExit

from handstamp.errors import HandstampError, TimedOut
from handstamp.model import Grant
from handstamp.ports import Flying
from handstamp.source import _HeldElsewhere
from simulation.processes import Process
from simulation.scheduler import Task

__all__ = ["Landing", "SimulatedFlight", "drive"]

T = TypeVar("T")


class Landing:
    """What an awaiting task gives to its event loop: whom to wait for, and how long."""

    def __init__(self, flight: "SimulatedFlight", patience: float) -> None:
        self.flight = flight
        self.patience = patience

    def __await__(self) -> "Generator[Landing, None, None]":
        yield self


class SimulatedFlight:
    """Fulfils `Flying`."""

    def __init__(self, process: Process, work: Callable[[Flying], Grant]) -> None:
        self._process = process
        self._scheduler = process.world.scheduler
        self._work = work
        self._aboard = 1
        self._ended = self._let_go = False
        self._outcome: Grant | None = None
        self._error: BaseException | None = None
        self._waiting: list[Task] = []
        self._task = process.spawn(self._run, "flight")

    @property
    def is_over(self) -> bool:
        return self._ended

    def board(self) -> bool:
        if self._let_go or self._ended:
            return False
        self._aboard += 1
        return True

    def commit(self) -> bool:
        self._process.enter()
        self._let_go = self._aboard == 0 or self._process.ending
        if not self._let_go:
            self._process.committed.add(self)
        return not self._let_go

    def fail(self, error: Exception) -> None:
        self._process.check()
        if self._error is None:
            self._error = error
            self._wake()

    def pause(self, seconds: float) -> bool:
        self._process.enter()
        if not self._process.ending:
            task = self._scheduler.current
            self._process.pausing.append(task)
            self._scheduler.park(seconds)
            self._process.pausing.remove(task)
        return not self._process.ending

    def join(self, patience: float) -> Grant:
        try:
            self._process.enter()
            self.wait(patience)
            return self._result(patience)
        finally:
            self._aboard -= 1

    async def join_async(self, patience: float) -> Grant:
        try:
            await Landing(self, patience)
            return self._result(patience)
        finally:
            self._aboard -= 1

    def abort(self) -> None:
        """What a real flight cannot do: its thread is gone, wherever it was."""
        self._ended, self._error = True, TimedOut("cancelled")
        self._process.committed.discard(self)
        self._scheduler.end(self._task)
        self._process.world.disk.forget_lock(self._task)

    def wait(self, patience: float) -> None:
        if not self._landed:
            self._waiting.append(self._scheduler.current)
            self._scheduler.park(patience)

    @property
    def _landed(self) -> bool:
        return self._ended or self._error is not None

    def _result(self, patience: float) -> Grant:
        if not self._landed:
            raise TimedOut(f"Expected the token within {patience:.0f} seconds, and it is still being renewed.")
        if self._error is not None:
            raise self._error if self._ended else copy(self._error)
        assert self._outcome is not None
        return self._outcome

    def _run(self) -> None:
        outcome, error = None, None
        try:
            outcome = self._work(self)
        except GreenletExit:
            return
        except BaseException as raised:  # whatever it is, it belongs to those who wait
            error = raised
            if not isinstance(raised, HandstampError | _HeldElsewhere):
                self._process.world.ledger.violate("no crash", f"{self._scheduler.current} ended with {raised!r}")
        self._ended = True
        if self._error is None:
            self._outcome, self._error = outcome, error
        self._process.committed.discard(self)
        self._wake()
        self._process.end_if_done()

    def _wake(self) -> None:
        for task in self._waiting:
            self._scheduler.wake(task)
        self._waiting.clear()


def drive(coroutine: Coroutine[Any, None, T], task: Task, cancelled: type[BaseException]) -> T:
    """The event loop of one task. Raises `cancelled` where the task was cancelled and did not come through all the same."""
    raising = False
    while True:
        try:
            landing: Landing = coroutine.throw(cancelled) if raising else coroutine.send(None)
        except StopIteration as end:
            value: T = end.value
            return value
        task.awaits = not raising
        landing.flight.wait(landing.patience)
        task.awaits = False
        raising = task.cancelled
