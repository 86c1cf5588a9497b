"""A child that was forked in the worst moment: beside a mutex that another thread of its parent holds, or a refresh of its."""

import os
import sys
import threading
from collections.abc import Callable

import pytest

from application.sources import Bench, landed
from fakes import make_grant
from handstamp import flight
from handstamp.flight import Flight
from handstamp.stream import EventStream
from happenings import refreshed

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="forks"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]


def is_done_in_a_child(work: Callable[[], object]) -> bool:
    """Within ten seconds, and without an error."""
    child = os.fork()
    if child == 0:
        done = threading.Event()

        def run() -> None:
            work()
            done.set()

        threading.Thread(target=run, daemon=True).start()
        os._exit(0 if done.wait(10) else 1)
    return os.waitpid(child, 0)[1] == 0


def renewed(bench: Bench) -> Bench:
    """Its last flight has landed, and the next token has ended."""
    bench.clock.move(4000)
    bench.source.token()
    landed(bench)
    bench.clock.move(4000)
    return bench


def test_a_source_goes_on_beside_a_held_mutex() -> None:
    """TG17."""
    bench = renewed(Bench(make_grant()))

    with bench.source._mutex:
        assert is_done_in_a_child(bench.source.token)


def test_the_flight_of_a_parent_is_nobody_s_to_board() -> None:
    bench = renewed(Bench(make_grant()))
    parents = bench.source._flight
    assert isinstance(parents, Flight)

    with parents._mutex:
        assert is_done_in_a_child(bench.source.token)


def test_a_breaker_counts_on_beside_a_held_mutex() -> None:
    """Else the child would keep the grant's lock for ever, and all its siblings waiting."""
    bench = renewed(Bench(make_grant()))

    with bench.source._breakers._mutex:
        assert is_done_in_a_child(bench.source.token)


def test_events_are_told_beside_a_held_mutex() -> None:
    stream = EventStream()
    feed = stream.events()

    def tell() -> None:
        stream.emit(refreshed())
        stream.subscribe(print)

    with feed._mutex, stream._mutex:
        assert is_done_in_a_child(tell)


def test_a_child_that_ends_does_not_wait_for_its_parents_refresh() -> None:
    """Whose thread it does not have: it would look for it, without a pause, for half a minute."""
    end, committed = threading.Event(), threading.Event()

    def work(flying: Flight[str]) -> str:
        assert flying.commit()
        committed.set()
        assert end.wait(20)
        return ""

    parents = Flight(work, name="test").start()
    assert committed.wait(20)

    ended = is_done_in_a_child(flight._exit._wait)
    end.set()
    parents.join(20)

    assert ended
