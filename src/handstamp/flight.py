"""
One piece of work in a thread of its own, joined by everybody who wants its outcome: tasks, threads, event loops.

Why a thread. A refresh that has been sent may already have rotated the refresh token, so it has to be carried through whoever
gives up waiting: a cancelled task, a closed event loop, a thread with a time-out. A thread belongs to none of them. It is a
daemon, so that one that waits for another process's lock never keeps the interpreter alive; one that has passed `commit()` does,
for as long as its own deadline allows, through `atexit`.

Rules
1. `join` and `join_async` count as waiters; leaving early (time-out, cancellation) only takes the waiter away.
2. The work asks `commit()` before it does what cannot be undone. False means that nobody waits any more: let go.
3. After `commit()` the work runs to its end and the outcome is kept, whoever listens.
"""

import atexit
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar, cast

import anyio
from anyio.lowlevel import current_token

from handstamp.errors import TimedOut

__all__ = ["Flight"]

T = TypeVar("T")

EXIT_GRACE = 20.0
"""Seconds that the interpreter's exit waits for work past `commit()`: a little more than a refresh's own deadline."""


class Flight(Generic[T]):
    """Runs `work(flight)` once. Safe to join from anywhere, any number of times. `wanted` work runs even if nobody joins."""

    def __init__(self, work: "Callable[[Flight[T]], T]", *, name: str, wanted: bool = False) -> None:
        self._future: Future[T] = Future()
        self._mutex = threading.Lock()  # guards _waiters, _committed
        self._waiters = 1 if wanted else 0
        self._committed = False
        self._pid = os.getpid()
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> "Flight[T]":
        self._thread.start()
        return self

    @property
    def is_over(self) -> bool:
        """Landed; or begun in a process of which this one is a fork, where its thread does not exist."""
        return self._future.done() or self._pid != os.getpid()

    def commit(self) -> bool:
        """For the work itself: may it go on to what cannot be undone? False if nobody waits any more or the program ends."""
        with self._mutex:
            self._committed = self._waiters > 0 and not _exit.begun
            if self._committed:
                _exit.add(self._thread)
            return self._committed

    def join(self, patience: float) -> T:
        """Blocks for at most `patience` seconds. Raises what the work raised, or TimedOut."""
        self._enter()
        try:
            return self._future.result(patience)
        except TimeoutError:
            raise _too_late(patience) from None
        finally:
            self._leave()

    async def join_async(self, patience: float) -> T:
        """The same for a task of any event loop; cancelling it leaves the work alone."""
        self._enter()
        try:
            with anyio.fail_after(patience):
                await self._landed()
            return self._future.result()
        except TimeoutError:
            raise _too_late(patience) from None
        finally:
            self._leave()

    async def _landed(self) -> None:
        event = anyio.Event()
        wake = _waker(event.set)
        self._future.add_done_callback(lambda _: wake())
        await event.wait()

    def _run(self) -> None:
        try:
            self._future.set_result(self._work(self))
        except BaseException as error:  # whatever it is, it belongs to those who wait
            self._future.set_exception(error)
        finally:
            _exit.discard(self._thread)

    def _enter(self) -> None:
        with self._mutex:
            self._waiters += 1

    def _leave(self) -> None:
        with self._mutex:
            self._waiters -= 1


def _too_late(patience: float) -> TimedOut:
    return TimedOut(f"Expected the token within {patience:.0f} seconds, and it is still being renewed.")


def _waker(callback: Callable[[], object]) -> Callable[[], None]:
    """Something that any thread may call to run `callback` in this task's event loop; silent if that loop is gone by then."""
    token = current_token()
    native = token.native_token
    # trio's token and asyncio's loop; anyio has a way of its own, which blocks the calling thread until the loop has run it.
    name = "run_sync_soon" if hasattr(native, "run_sync_soon") else "call_soon_threadsafe"
    schedule = cast("Callable[[Callable[[], object]], object]", getattr(native, name))

    def wake() -> None:
        try:
            schedule(callback)
        except RuntimeError:  # the loop was closed; trio's RunFinishedError is one too
            return

    return wake


class _Exit:
    """Lets committed work end before the interpreter does."""

    def __init__(self) -> None:
        self.begun = False
        self._committed: set[threading.Thread] = set()
        atexit.register(self._wait)

    def add(self, thread: threading.Thread) -> None:
        self._committed.add(thread)

    def discard(self, thread: threading.Thread) -> None:
        self._committed.discard(thread)

    def _wait(self) -> None:
        self.begun = True
        deadline = time.monotonic() + EXIT_GRACE
        for thread in list(self._committed):
            thread.join(max(0.0, deadline - time.monotonic()))


_exit = _Exit()
