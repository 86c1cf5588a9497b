"""One piece of work, joined by whoever wants its outcome."""

import threading
from collections.abc import Callable

import anyio
import pytest

from handstamp.errors import LoginRequired, TimedOut
from handstamp.flight import Flight, _exit


class Gate:
    """Work that waits for its test, then commits."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()
        self.committed: list[bool] = []
        self.ended = threading.Event()

    def __call__(self, flight: Flight[str]) -> str:
        self.begun.set()
        assert self.open.wait(20)
        self.committed.append(flight.commit())
        self.ended.set()
        return "outcome"


def test_whoever_boards_before_the_landing_gets_the_outcome() -> None:
    gate = Gate()
    flight = Flight(gate, name="test").start()
    boarded = [flight.board() for _ in range(3)]
    gate.open.set()

    outcomes = [flight.join(20) for _ in range(4)]

    assert boarded == [True] * 3
    assert outcomes == ["outcome"] * 4
    assert not flight.board()


def test_whoever_gives_up_is_told_and_those_who_stay_get_the_outcome() -> None:
    """TE18: leaving early takes one away, not the work."""
    gate = Gate()
    flight = Flight(gate, name="test").start()
    assert flight.board()

    with pytest.raises(TimedOut):
        flight.join(0)
    gate.open.set()

    assert flight.join(20) == "outcome"
    assert gate.committed == [True]


def test_when_everybody_has_left_the_work_lets_go_and_takes_nobody_aboard() -> None:
    """Rule 2: a flight that still waits for a sibling's lock sends nothing for nobody."""
    gate = Gate()
    flight = Flight(gate, name="test").start()
    with pytest.raises(TimedOut):
        flight.join(0)
    gate.open.set()
    assert gate.ended.wait(20)

    assert gate.committed == [False]
    assert not flight.board()


def test_an_error_reaches_everybody_as_it_is() -> None:
    def fail(flight: Flight[str]) -> str:
        raise LoginRequired("x asks you to sign in.")

    flight = Flight(fail, name="test").start()

    with pytest.raises(LoginRequired):
        flight.join(20)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_of_either_kind_of_event_loop_join_and_other_tasks_run_meanwhile(backend: str) -> None:
    gate = Gate()
    flight = Flight(gate, name="test").start()

    async def run() -> str:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.lowlevel.checkpoint)
            gate.open.set()
            return await flight.join_async(20)
        raise AssertionError

    assert anyio.run(run, backend=backend) == "outcome"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_loop_that_died_meanwhile_disturbs_nobody(backend: str) -> None:
    """Rule 3: the work belongs to no loop."""
    gate = Gate()
    flight = Flight(gate, name="test").start()
    assert flight.board()

    async def give_up() -> None:
        with anyio.move_on_after(0):
            await flight.join_async(20)

    anyio.run(give_up, backend=backend)
    gate.open.set()

    assert flight.join(20) == "outcome"


class EndingJustThen(threading.Event):
    """A program that begins to end in the moment after it was asked whether it does."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__()
        self._look = look

    def is_set(self) -> bool:
        was = super().is_set()
        if not was:
            self.set()
            self._look()
        return was


def test_a_program_that_begins_to_end_waits_for_whoever_was_just_told_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """TE18: else it would send the refresh token and die."""
    waited_for: set[threading.Thread] = set()
    monkeypatch.setattr(_exit, "begun", EndingJustThen(lambda: waited_for.update(_exit._committed)))
    gate = Gate()
    flight = Flight(gate, name="test").start()
    gate.open.set()

    flight.join(20)

    assert gate.committed == [flight._thread in waited_for]
