"""
The connections of one process to `vault.db`: one a thread, none carried over a fork, all closed in the end.

**Threads.** Each thread has a connection of its own and never uses another's. `check_same_thread` is off for one reason: `close`
must be able to close them all. A lock beside each connection, which nobody else ever contends for, makes that safe.

**Forks.** SQLite must not be carried over a fork: a child that closes the parent's connection may wait for a mutex whose holder
does not exist there. So a child opens its own, and what it inherited is kept, untouched, even when it ends (TG17).

**Ending.** Whoever never calls `close` is helped: connections are closed when the Database is collected, and at the end of the
program, by a hook that runs after the program's own (those may still need the vault). Neither ever waits for a lock: what is in
the middle of a call then, in a thread that nobody waits for, is left alone.
"""

import atexit
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, local
from weakref import WeakSet, finalize

__all__ = ["Connections", "Held", "begin"]


class Held:
    """A connection, the lock that guards its closing, and the process that it belongs to."""

    __slots__ = ("__weakref__", "closed", "connection", "file", "lock", "process_id", "salt")

    def __init__(self, connection: sqlite3.Connection, file: os.stat_result) -> None:
        self.connection = connection
        self.file = file
        self.lock = Lock()
        self.process_id = os.getpid()
        self.closed = False
        # Above SQLite's 32 bits, so that no two connections ever give the same version for different states.
        self.salt = int.from_bytes(os.urandom(3), "big") << 32

    def is_at(self, path: Path) -> bool:
        try:
            return os.path.samestat(path.lstat(), self.file)
        except OSError:
            return False

    def close(self) -> None:
        with self.lock:
            self._close()

    def close_unless_busy(self) -> None:
        """For finalizers: they interrupt whatever runs, perhaps a holder of this lock in the same thread."""
        if self.lock.acquire(blocking=False):
            try:
                with suppress(sqlite3.Error):
                    self._close()
            finally:
                self.lock.release()

    def _close(self) -> None:
        self.closed = True
        self.connection.close()

    def __del__(self) -> None:
        """The thread has ended. In a forked child the connection is another process's: kept, so that nothing closes it."""
        if self.process_id == os.getpid():
            self.connection.close()
        else:
            _inherited.append(self.connection)


_inherited: list[sqlite3.Connection] = []


class Connections:
    """What belongs to one process and must not outlive a fork: its connections and the locks of its threads."""

    def __init__(self) -> None:
        self.id = os.getpid()
        self.threads = local()
        self.watch: Held | None = None
        self.watch_lock = Lock()
        self._guard = Lock()
        self._all: WeakSet[Held] = WeakSet()

    @property
    def is_here(self) -> bool:
        return self.id == os.getpid()

    def keep(self, connection: sqlite3.Connection, file: os.stat_result) -> Held:
        held = Held(connection, file)
        with self._guard:
            self._all.add(held)
        return held

    def take_all(self) -> list[Held]:
        with self._guard:
            taken = list(self._all)
            self._all.clear()
        return taken

    def peek(self) -> list[sqlite3.Connection]:
        """In a forked child: the guard may be held by a thread that does not exist here."""
        return [held.connection for held in self._all]


def begin(owner: object) -> Connections:
    """Of this process, for `owner`: closed when that is collected, or when the program ends."""
    connections = Connections()
    _everybodys.add(connections)
    # Collection alone: at the end of the program the hook below closes, in its own time.
    finalize(owner, _collect, connections).atexit = False
    return connections


_everybodys: set[Connections] = set()
"""Held here, so that nothing of a parent's is ever closed in a child, and so that the end of the program finds all."""


def _collect(connections: Connections) -> None:
    """The Database is gone."""
    if connections.is_here:
        _everybodys.discard(connections)
        for held in connections.take_all():
            held.close_unless_busy()


def _end() -> None:
    for each in list(_everybodys):
        if each.is_here:
            _collect(each)
        else:
            _inherited.extend(each.peek())
    if _inherited:
        _leave_open(_inherited)


def _leave_open(connections: Sequence[sqlite3.Connection]) -> None:
    """The interpreter would close them on its way out: one reference too many keeps it from that."""
    with suppress(ImportError):
        from ctypes import py_object, pythonapi

        for connection in connections:
            pythonapi.Py_IncRef(py_object(connection))


atexit.register(_end)
