"""The programs of one machine: each has its own memory, its own threads and tasks, and can be killed at any moment."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from greenlet import GreenletExit

from handstamp.model import Uptime
from simulation.scheduler import Task

if TYPE_CHECKING:
    from handstamp.source import TokenSource
    from simulation.flying import SimulatedFlight
    from simulation.world import World

__all__ = ["Machine", "Process"]

EXIT_GRACE = 35.0
"""Seconds that `handstamp.flight` gives to what is under way when a program ends."""


class Machine:
    """Its clock, which can be set, and its own count, which cannot."""

    def __init__(self, world: "World") -> None:
        self._scheduler = world.scheduler
        self.set_by = 0.0
        """Seconds by which its clock is ahead of the time."""
        self.was_set = False
        self.slept = 0.0
        self.starts = 1
        self.counts = world.setting.counts
        """Not every system counts."""

    @property
    def is_known(self) -> bool:
        """Whether a program can tell what time it is: by a clock that nobody has set, or by a count since the same start."""
        return not self.was_set or (self.counts and self.starts == 1)

    @property
    def time(self) -> float:
        """What it really is, seconds since 1970: what servers go by."""
        return 1_700_000_000.0 + self._scheduler.now + self.slept

    def clock(self) -> float:
        return self.time + self.set_by

    def read_uptime(self) -> Uptime | None:
        if not self.counts:
            return None
        return Uptime(f"boot-{self.starts}", 5_000.0 + self._scheduler.now + self.slept, self.slept)


class Process:
    """One program. What it calls raises GreenletExit once it is dead: none of its `finally` touches the world any more."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.born = world.scheduler.now
        self.dead = False
        self.died: float | None = None
        self.killed = False
        self.ending = False
        """It was asked to end, and ends as soon as what cannot be undone is done."""
        self.tasks: list[Task] = []
        self.committed: set[SimulatedFlight] = set()
        self.pausing: list[Task] = []
        self.source: TokenSource
        self.left_alone_until = 0.0
        """The server has told it when to come again."""
        self.writes = 0
        """Its own: what it does not take for another's."""

    def __str__(self) -> str:
        return self.name

    def check(self) -> None:
        if self.dead:
            raise GreenletExit

    def enter(self) -> None:
        """Each call of a port begins here."""
        if self.dead:
            raise GreenletExit
        self.world.scheduler.step()

    def spawn(self, work: Callable[[], object], name: str) -> Task:
        task = self.world.scheduler.spawn(work, self, name)
        self.tasks.append(task)
        return task

    def kill(self) -> None:
        """SIGKILL."""
        self.killed = True
        self._die()

    def _die(self) -> None:
        """The kernel lets go of its locks."""
        world = self.world
        self.dead, self.died = True, world.scheduler.now
        for task in self.tasks:
            if not task.over:
                world.scheduler.end(task)
        world.disk.forget_locks(self)
        world.ledger.note_death(self)

    def end(self) -> None:
        """SIGTERM, or the end of its input: tasks are cancelled, and a refresh that was sent is carried through."""
        self.ending = True
        for task in self.tasks:
            if task.awaits:
                task.cancelled = True
                self.world.scheduler.wake(task)
        for task in list(self.pausing):
            self.world.scheduler.wake(task)
        self.world.scheduler.at(EXIT_GRACE, self.end_for_good)
        self.end_if_done()

    def end_if_done(self) -> None:
        if self.ending and not self.committed:
            self.world.scheduler.at(0.0, self.end_for_good)

    def end_for_good(self) -> None:
        if not self.dead:
            self._die()
