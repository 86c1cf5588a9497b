"""
One piece of work in a thread of its own, joined by everybody who wants its outcome: tasks, threads, event loops.

Why a thread. A refresh that has been sent may already have rotated the refresh token, so it has to be carried through whoever
gives up waiting: a cancelled task, a closed event loop, a thread with a time-out. A thread belongs to none of them. It is a
daemon, so that one that waits for another process's lock never keeps the interpreter alive; one that has passed `commit()` does,
for as long as its own deadline allows, through `atexit`.

Rules
1. Whoever starts a flight is aboard; others `board()`. Everybody aboard calls `join` or `join_async` once, and leaving early
   (time-out, cancellation) only takes that one away. A flight that is wanted for its own sake is one that nobody joins.
2. The work asks `commit()` before it does what cannot be undone. False means that nobody is aboard any more: let go. From then on
   nobody can board.
3. After `commit()` the work runs to its end and the outcome is kept, whoever listens.
4. Work that has failed for those who wait may have something left to do (`fail`). Until that is over, whoever boards hears the
   same failure, so that nobody begins a second flight.
"""

import atexit
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from copy import copy
from functools import partial
from typing import Generic, TypeVar, cast

import anyio
from anyio.lowlevel import current_token

from handstamp.errors import TimedOut
from handstamp.forks import in_children

__all__ = ["Flight", "waker"]

T = TypeVar("T")

EXIT_GRACE = 35.0
"""Seconds that the interpreter's exit waits for work past `commit()`: for the request that is under way, and the write."""


class Flight(Generic[T]):
    """Runs `work(flight)` once, in a thread. Safe to board and to join from any thread and any event loop."""

    def __init__(self, work: "Callable[[Flight[T]], T]", *, name: str) -> None:
        self._future: Future[T] = Future()
        self._ended = False
        self._mutex = threading.Lock()  # guards who is aboard
        self._aboard = 1
        self._let_go = False
        self._pid = os.getpid()
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> "Flight[T]":
        self._thread.start()
        return self

    @property
    def is_over(self) -> bool:
        """Landed, or begun in a process of which this one is a fork: its thread does not exist here."""
        return self._ended or self._pid != os.getpid()

    def board(self) -> bool:
        """One more who will join. False where it is too late: over, or let go."""
        if self.is_over:  # before the mutex: in a fork nobody may be left who lets go of it
            return False
        with self._mutex:
            if self._let_go or self.is_over:
                return False
            self._aboard += 1
            return True

    def commit(self) -> bool:
        """For the work itself: may it go on to what cannot be undone? False if nobody waits any more or the program ends."""
        with self._mutex:
            self._let_go = self._aboard == 0 or not _exit.admit(self._thread)
            return not self._let_go

    def fail(self, error: Exception) -> None:
        """For the work itself: those who wait hear this now, and whoever boards until it is over."""
        if not self._future.done():
            self._future.set_exception(error)

    def pause(self, seconds: float) -> bool:
        """For the work itself: waits so long. False, and at once, where the program ends."""
        return not _exit.begun.wait(seconds)

    def join(self, patience: float) -> T:
        """Blocks for at most `patience` seconds. Raises what the work raised, or TimedOut."""
        try:
            return self._result(patience)
        except TimeoutError:
            raise _too_late(patience) from None
        finally:
            self._leave()

    async def join_async(self, patience: float) -> T:
        """The same for a task of any event loop; cancelling it leaves the work alone."""
        try:
            with anyio.fail_after(patience):
                await self._landed()
            return self._result(0)
        except TimeoutError:
            raise _too_late(patience) from None
        finally:
            self._leave()

    def _result(self, patience: float) -> T:
        error = self._future.exception(patience)
        if error is None or self._ended:
            return self._future.result()
        # The work has failed and goes on: one object, raised a thousand times, would grow by a traceback each time.
        again = copy(error).with_traceback(None)
        raise again from error.__cause__

    async def _landed(self) -> None:
        event = anyio.Event()
        wake = waker(event.set)
        self._future.add_done_callback(lambda _: wake())
        await event.wait()

    def _run(self) -> None:
        try:
            self._land(partial(self._future.set_result, self._work(self)))
        except BaseException as error:  # whatever it is, it belongs to those who wait
            self._land(partial(self._future.set_exception, error))
        finally:
            _exit.discard(self._thread)

    def _land(self, tell: Callable[[], None]) -> None:
        # Before anybody hears of it: who then wants another flight must not board this one.
        self._ended = True
        if not self._future.done():
            tell()

    def _leave(self) -> None:
        with self._mutex:
            self._aboard -= 1


def _too_late(patience: float) -> TimedOut:
    return TimedOut(f"Expected the token within {patience:.0f} seconds, and it is still being renewed.")


def waker(callback: Callable[[], object]) -> Callable[[], None]:
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
        self._begin_anew()
        in_children(self, _Exit._begin_anew)
        atexit.register(self._wait)

    def _begin_anew(self) -> None:
        self.begun = threading.Event()
        self._committed: set[threading.Thread] = set()

    def admit(self, thread: threading.Thread) -> bool:
        """False once the program ends. Put down before that is asked: whoever ends it asks the other way round."""
        self._committed.add(thread)
        if self.begun.is_set():
            self._committed.discard(thread)
            return False
        return True

    def discard(self, thread: threading.Thread) -> None:
        self._committed.discard(thread)

    def _wait(self) -> None:
        self.begun.set()
        deadline = time.monotonic() + EXIT_GRACE
        while self._committed and time.monotonic() < deadline:
            # A second Ctrl-C, or a signal of our own programs, does not make a token that is on its way worth less.
            with suppress(KeyboardInterrupt, SystemExit):
                for thread in list(self._committed):
                    thread.join(max(0.0, deadline - time.monotonic()))


_exit = _Exit()
