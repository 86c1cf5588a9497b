"""Events reach whoever listens, and nobody who emits waits for that."""

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable

import anyio
import pytest

from handstamp.events import Event
from handstamp.stream import MOST, EventStream
from happenings import refreshed

PATIENCE = 20.0


class SlowListener:
    """Takes its first event and holds it until it is let go."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.arrived = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, event: Event) -> None:
        self.heard.append(event)
        self.arrived.set()
        assert self.let_go.wait(PATIENCE)


def numbers(heard: list[Event]) -> list[float]:
    return [event.at for event in heard]


def listening() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "handstamp-events"}


def wait_until(holds: Callable[[], bool]) -> None:
    ticking = threading.Event()
    for _ in range(2000):
        if holds():
            return
        ticking.wait(0.01)
    pytest.fail("it never came about")


def test_every_listener_hears_every_event_in_the_order_of_emission() -> None:
    stream, one, other = EventStream(), list[Event](), list[Event]()
    stream.subscribe(one.append)
    stream.subscribe(other.append)

    for at in range(100):
        stream.emit(refreshed(at=at))
    stream.flush()

    assert numbers(one) == numbers(other) == list(range(100))


def test_without_a_listener_nothing_is_started() -> None:
    before = listening()

    EventStream().emit(refreshed())

    assert listening() <= before


def test_a_listener_that_hangs_holds_up_neither_the_emitter_nor_another() -> None:
    stream, slow, heard = EventStream(), SlowListener(), list[Event]()
    stream.subscribe(slow)
    end = stream.subscribe(heard.append)
    stream.emit(refreshed(at=1))
    assert slow.arrived.wait(PATIENCE)

    stream.emit(refreshed(at=2))
    wait_until(lambda: numbers(heard) == [1, 2])

    assert numbers(slow.heard) == [1]
    end()
    slow.let_go.set()


def test_a_listener_that_raises_is_logged_and_hears_the_next(caplog: pytest.LogCaptureFixture) -> None:
    stream, heard = EventStream(), list[Event]()

    def fail_once(event: Event) -> None:
        heard.append(event)
        if len(heard) == 1:
            raise SystemExit(3)

    stream.subscribe(fail_once)
    stream.emit(refreshed(at=1))
    stream.emit(refreshed(at=2))
    stream.flush()

    assert numbers(heard) == [1, 2]
    assert caplog.record_tuples == [("handstamp.events", logging.ERROR, "A listener of Handstamp's events failed: SystemExit.")]


def test_a_listener_may_emit_what_it_hears_itself() -> None:
    """As one does that asks the vault for a token."""
    stream, heard = EventStream(), list[Event]()

    def answer(event: Event) -> None:
        heard.append(event)
        if event.at < 3:
            stream.emit(refreshed(at=event.at + 1))
            stream.flush()

    stream.subscribe(answer)
    stream.emit(refreshed(at=1))
    wait_until(lambda: numbers(heard) == [1, 2, 3])


def test_of_more_than_it_can_hold_the_oldest_go_and_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    stream, slow = EventStream(), SlowListener()
    stream.subscribe(slow)
    stream.emit(refreshed(at=-1))
    assert slow.arrived.wait(PATIENCE)

    for at in range(MOST + 5):
        stream.emit(refreshed(at=at))
    slow.let_go.set()
    stream.flush()

    assert numbers(slow.heard) == [-1, *range(5, MOST + 5)]
    assert "5 were not told to it" in caplog.text


def test_whoever_unsubscribes_hears_what_was_emitted_and_no_more() -> None:
    stream, heard = EventStream(), list[Event]()
    end = stream.subscribe(heard.append)
    stream.emit(refreshed(at=1))

    end()
    stream.emit(refreshed(at=2))
    end()

    wait_until(lambda: numbers(heard) == [1])


def test_the_thread_ends_with_the_stream() -> None:
    before = listening()
    stream = EventStream()
    stream.subscribe(print)
    (thread,) = listening() - before

    del stream
    gc.collect()

    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_to_flush_is_to_wait_for_a_while_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handstamp.stream.EXIT_GRACE", 0.05)
    stream, slow = EventStream(), SlowListener()
    stream.subscribe(slow)
    stream.emit(refreshed())
    assert slow.arrived.wait(PATIENCE)

    flushing = threading.Thread(target=stream.flush)
    flushing.start()
    flushing.join(10)

    assert not flushing.is_alive()
    slow.let_go.set()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_reads_what_came_before_it_asked_and_what_comes_from_a_thread(backend: str) -> None:
    stream = EventStream()

    async def read() -> list[float]:
        feed = stream.events()
        stream.emit(refreshed(at=1))
        first = await anext(feed)
        emitter = threading.Timer(0.01, stream.emit, [refreshed(at=2)])
        emitter.start()
        async for second in feed:
            return [first.at, second.at]
        return []

    assert anyio.run(read, backend=backend) == [1, 2]


def test_a_task_that_does_not_read_costs_the_oldest_events_and_knows_how_many() -> None:
    stream = EventStream()
    feed = stream.events()

    for at in range(MOST + 3):
        stream.emit(refreshed(at=at))

    assert feed.dropped == 3
    assert anyio.run(feed.__anext__).at == 3


def test_a_feed_that_nobody_holds_is_gone() -> None:
    stream = EventStream()
    stream.events()
    kept = stream.events()

    stream.events()

    assert sum(feed() is not None for feed in stream._feeds) == 1
    assert kept.dropped == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_child_that_was_forked_hears_its_own_events_alone() -> None:
    stream, slow, heard = EventStream(), SlowListener(), list[Event]()
    stream.subscribe(slow)
    stream.subscribe(heard.append)
    stream.emit(refreshed(at=1))
    assert slow.arrived.wait(PATIENCE)
    stream.emit(refreshed(at=2))
    wait_until(lambda: len(heard) == 2)

    child = os.fork()
    if child == 0:
        heard.clear()
        slow.let_go.set()
        stream.emit(refreshed(at=3))
        stream.flush()
        os._exit(0 if numbers(heard) == [3] and numbers(slow.heard) == [1, 3] else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    slow.let_go.set()
