"""
Everything that runs is a greenlet, and one of them runs at a time: until it waits, or until a choice lets another go on.

Time is a number. It stands still while anybody can go on, and then jumps to the next moment at which somebody wants to: a history
of two days takes a millisecond, and is the same each time.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from simulation.choices import Choices

if TYPE_CHECKING:
    from simulation.processes import Process

__all__ = ["Mutex", "Scheduler", "Tangled", "Task"]

T = TypeVar("T")

MOST_SWITCHES = 20_000
"""In one history: more means that somebody goes round in circles."""


class Tangled(Exception):
    """Somebody goes round in circles."""


class Task:
    """A thread, or the task of an event loop."""

    __slots__ = ("awaits", "cancelled", "greenlet", "name", "over", "parked", "process", "ticket", "timed_out")

    def __init__(self, name: str, process: "Process") -> None:
        self.name = name
        self.process = process
        self.greenlet: greenlet
        self.parked = False
        self.ticket = 0
        """Which time it waits; the alarms of former times mean nothing any more."""
        self.timed_out = False
        self.over = False
        self.awaits = False
        """It can be cancelled where it is."""
        self.cancelled = False

    def __str__(self) -> str:
        return f"{self.process.name}.{self.name}"


class Scheduler:
    """Decides who goes on, and passes the time."""

    def __init__(self, choices: Choices) -> None:
        self.now = 0.0
        """Seconds since the history began, sleep of the machine not included: what waiting is measured by."""
        self.tasks: list[Task] = []
        self.stopped = False
        self.switches = 0
        self.calm = False
        """Nothing happens by chance any more."""
        self.happen: Callable[[int], bool] = lambda _: False
        """Something from outside, by the integer that was drawn. False where nothing did."""
        self._choices = choices
        self._ready: list[Task] = []
        self._timers: list[tuple[float, int, int, Task | Callable[[], object]]] = []
        self._numbers = count()
        self._next = 0
        self._dead: list[Task] = []
        self._hub = getcurrent()
        self._current: Task | None = None

    @property
    def current(self) -> Task:
        assert self._current is not None
        return self._current

    @property
    def waiting(self) -> list[Task]:
        return [task for task in self.tasks if not task.over]

    def spawn(self, work: Callable[[], object], process: "Process", name: str) -> Task:
        task = Task(name, process)

        def run() -> None:
            try:
                work()
            finally:
                task.over = True

        task.greenlet = greenlet(run, self._hub)
        self.tasks.append(task)
        self._ready.append(task)
        return task

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """Calls it so many seconds from now, in nobody's name."""
        heappush(self._timers, (self.now + seconds, next(self._numbers), 0, call))

    def step(self) -> None:
        """Each call of a port begins here: somebody else may be faster, or something happen."""
        if self.calm:
            return
        value = self._choices.turn()
        if value and not self.happen(value):
            self._let_others(value)

    def _let_others(self, value: int) -> None:
        others = len(self._ready)
        if others:
            self._next = value % others
            self._ready.append(self.current)
            self._hub.switch()

    def park(self, seconds: float | None = None) -> bool:
        """Until somebody wakes the current task, and then True; or False after so many seconds."""
        task = self.current
        task.parked = True
        task.timed_out = False
        task.ticket += 1
        if seconds is not None:
            heappush(self._timers, (self.now + seconds, next(self._numbers), task.ticket, task))
        self._hub.switch()
        return not task.timed_out

    def wake(self, task: Task) -> None:
        if task.parked:
            task.parked = False
            self._ready.append(task)

    def end(self, task: Task) -> None:
        """It never runs again. The one that runs has to raise GreenletExit itself."""
        if task in self._ready:
            self._ready.remove(task)
        task.parked, task.over = False, True
        self._dead.append(task)

    def run(self) -> None:
        """Until nobody has anything left to do."""
        while not self.stopped and (self._ready or self._pass_time()):
            if len(self._ready) > 1 and self._next == 0 and not self.calm:
                self._next = self._choices.turn() % len(self._ready)
            task = self._ready.pop(self._next % len(self._ready))
            self._next = 0
            self._current = task
            self.switches += 1
            if self.switches > MOST_SWITCHES:
                raise Tangled(f"after {MOST_SWITCHES} switches {task} still goes on")
            task.greenlet.switch()
            self._bury()

    def bury_all(self) -> None:
        """At the end of a history that was broken off: no greenlet stays behind."""
        self._dead += [task for task in self.tasks if not task.greenlet.dead]
        self._bury()

    def _bury(self) -> None:
        while self._dead:
            grave = self._dead.pop().greenlet
            if not grave.dead:
                grave.throw(GreenletExit)

    def _pass_time(self) -> bool:
        """To the next moment at which somebody wants to go on, and all who want it then. False where nobody ever does."""
        while self._timers and (not self._ready or self._timers[0][0] <= self.now):
            when, _, ticket, thing = heappop(self._timers)
            if not isinstance(thing, Task):
                self.now = max(self.now, when)
                thing()
            elif thing.parked and thing.ticket == ticket:
                self.now = max(self.now, when)
                thing.parked, thing.timed_out = False, True
                self._ready.append(thing)
        return bool(self._ready)


class Mutex:
    """What `threading.RLock` is within one process."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._owner: Task | None = None
        self._depth = 0
        self._queue: list[Task] = []

    def __enter__(self) -> None:
        task = self._scheduler.current
        task.process.check()
        if self._owner is not task:
            self._scheduler.step()
            while self._owner is not None:
                self._queue.append(task)
                self._scheduler.park()
            self._owner = task
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
            if self._queue:
                self._scheduler.wake(self._queue.pop(0))
