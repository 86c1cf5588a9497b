"""
From whoever emits events to whoever listens, and never the other way: EventStream.

The theory. An event is emitted on the way to a token, so telling it must cost next to nothing and can never fail: it is put down
for each listener, and each listener takes it up in a thread of its own. One that raises, sleeps for a minute or asks the vault
for a token holds up neither that token nor another listener.

Rules
1. `emit` takes a lock for as long as an append lasts, and holds none while anything of anybody else's runs.
2. What was emitted in one order arrives in that order.
3. Nobody is waited for: of more than `MOST` events that were not taken up, the oldest go, and are counted.
4. Without listeners there is no thread. With one there is one from its `subscribe` on, because an interpreter that is ending may
   start no other; it ends at `unsubscribe`, or when nobody is left who could emit.
5. Threads are daemons. `flush`, and the interpreter's exit, wait `EXIT_GRACE` at most for what was emitted.
"""

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from weakref import WeakSet, finalize, ref

from handstamp.events import Event, Listener
from handstamp.forks import in_children

__all__ = ["EventStream", "Feed"]

MOST = 1024
"""Events that wait for one listener."""
EXIT_GRACE = 2.0
"""Seconds: `handstamp token` runs in hooks, and a server of yours that hangs must not hold up each of them for long."""


class EventStream:
    """Fulfils `Emit` by `emit`. Safe to use from any thread."""

    def __init__(self) -> None:
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._feeds: tuple[ref[Feed], ...] = ()
        self._begin_anew()
        in_children(self, EventStream._begin_anew)

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()  # guards the exchange of the two tuples, which are read without it

    def emit(self, event: Event) -> None:
        """Tells everybody who listens. Does not raise, and does not wait."""
        for subscription in self._subscriptions:
            subscription.put(event)
        for feed in self._feeds:
            if (reader := feed()) is not None:
                reader.put(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """
        Calls `listener` with every event from now on, one after the other, in a thread of its own. Gives what ends that.

        What it raises is logged (`handstamp.events`) and ends nothing.
        """
        subscription = _Subscription(listener)
        with self._mutex:
            self._subscriptions = (*self._subscriptions, subscription)
        end = finalize(self, subscription.end)
        end.atexit = False
        return partial(self._unsubscribe, subscription, end)

    def events(self) -> "Feed":
        """The events from now on, for a task to read."""
        feed = Feed()
        with self._mutex:
            self._feeds = (*(each for each in self._feeds if each() is not None), ref(feed))
        return feed

    def flush(self) -> None:
        """Waits until every listener has heard everything, for `EXIT_GRACE` seconds at most."""
        _flush(self._subscriptions)

    def _unsubscribe(self, subscription: "_Subscription", end: Callable[[], object]) -> None:
        with self._mutex:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)
        end()


class _Subscription:
    """One listener, what waits for it, and its thread."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._ended = False
        self._begin_anew()
        self._start()
        _SUBSCRIPTIONS.add(self)
        in_children(self, _Subscription._begin_anew)

    def _begin_anew(self) -> None:
        """The thread, and the events that it has not taken up yet, are the parent's."""
        self._changed = threading.Condition()  # guards all of this object
        self._waiting: deque[Event] = deque()
        self._dropped = 0
        self._is_listening = False
        self._thread: threading.Thread | None = None

    def put(self, event: Event) -> None:
        with self._changed:
            if self._thread is None:
                self._start()
            if len(self._waiting) >= MOST:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(event)
            self._changed.notify_all()

    def end(self) -> None:
        """After what it has been given."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until it has heard everything. From its own thread it would wait for itself."""
        with self._changed:
            if threading.current_thread() is not self._thread:
                self._changed.wait_for(lambda: not self._waiting and not self._is_listening, seconds)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="handstamp-events", daemon=True)
        with suppress(RuntimeError):  # the interpreter is ending
            self._thread.start()

    def _run(self) -> None:
        while (event := self._take()) is not None:
            try:
                self._listener(event)
            except BaseException as error:  # whatever it is, it belongs to whoever wrote the listener
                _log(f"A listener of Handstamp's events failed: {type(error).__name__}.", error)

    def _take(self) -> Event | None:
        with self._changed:
            self._is_listening = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._ended)
            self._is_listening = bool(self._waiting)
            dropped, self._dropped = self._dropped, 0
            event = self._waiting.popleft() if self._waiting else None
        if dropped:
            _log(f"A listener of Handstamp's events is slow: {dropped} were not told to it.")
        return event


class Feed:
    """
    Events for one task: `async for event in vault.events()`. It never ends by itself; who reads no more lets go of it.

    Of more than 1024 that were not read the oldest go; `dropped` counts them.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: deque[Event] = deque()
        self._begin_anew()
        in_children(self, Feed._begin_anew)

    def _begin_anew(self) -> None:
        """The task that reads is the parent's."""
        self._mutex = threading.Lock()  # guards the rest
        self._wake: Callable[[], None] = _nobody

    def put(self, event: Event) -> None:
        """For the stream. From any thread."""
        with self._mutex:
            if len(self._waiting) >= MOST:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(event)
            wake, self._wake = self._wake, _nobody
        wake()

    def __aiter__(self) -> "Feed":
        return self

    async def __anext__(self) -> Event:
        import anyio
        from anyio.lowlevel import checkpoint

        from handstamp.flight import waker

        await checkpoint()  # a flood of events leaves room for other tasks
        while True:
            arrived = anyio.Event()
            if (event := self._take(waker(arrived.set))) is not None:
                return event
            await arrived.wait()

    def _take(self, wake: Callable[[], None]) -> Event | None:
        """The next one; or None, and then `wake` tells of it."""
        with self._mutex:
            self._wake = _nobody if self._waiting else wake
            return self._waiting.popleft() if self._waiting else None


def _nobody() -> None:
    """To be woken."""


def _log(text: str, error: BaseException | None = None) -> None:
    import logging

    logging.getLogger("handstamp.events").error(text, exc_info=error)


def _flush(subscriptions: Iterable[_Subscription]) -> None:
    deadline = time.monotonic() + EXIT_GRACE
    for subscription in subscriptions:
        subscription.wait(deadline - time.monotonic())


_SUBSCRIPTIONS: WeakSet[_Subscription] = WeakSet()


@atexit.register
def _flush_all() -> None:
    # Runs after what `handstamp.flight` lets end, whose events these may be: that module is loaded later than this one.
    with suppress(KeyboardInterrupt):
        _flush(list(_SUBSCRIPTIONS))
