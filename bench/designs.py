"""
Three ways for processes to share one grant, behind one port: what the refresh is like under each, everything else being equal.

`KernelLocked` is ours: a kernel lock a grant, held over the refresh, and short transactions in SQLite. The two others are what it
is measured against, the designs of the same name in the table that ours was chosen from, as somebody who wants them would write
them:

- `HeldTransaction`: `BEGIN IMMEDIATE` is the lock. It begins before the second look and is committed when the token is written,
  so every write of a refresh shares one fsync, and none is on disk before the request is sent.
- `PolledFile`: `filelock` as it comes, which looks every 50 ms, beside a JSON file a grant that is written to a temporary file,
  flushed, renamed, and its directory flushed.

Both seal what they write as ours does, keep their connections open, check the generation, and judge neither directory nor schema.
"""

import base64
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from handstamp.model import Grant, GrantKey
from handstamp.ports import GrantStore
from handstamp.stores.keys.environment import VARIABLE, EnvironmentKey
from handstamp.stores.memory import MemoryStore
from handstamp.stores.records import decode_grant, encode_grant
from handstamp.stores.sealing import bind, seal, unseal
from handstamp.stores.sqlite import SqliteStore
from homes import Home

__all__ = ["DESIGNS", "HELD", "OURS", "POLLED", "Design", "LockWaits", "open_design"]

PATIENCE = 60.0


@dataclass(slots=True)
class LockWaits:
    """What became of each try to get the lock."""

    at_once: int = 0
    seconds: list[float] = field(default_factory=list[float])
    """Of those who found it taken."""

    @contextmanager
    def counted(self, take: Callable[[bool], AbstractContextManager[bool]], *, wait: bool) -> Generator[bool]:
        """Whether anybody holds it is asked first, in all designs alike: only then it is known who had to wait."""
        with take(False) as held:
            if held:
                self.at_once += 1
            if held or not wait:
                yield held
                return
        began = time.perf_counter()
        with take(True) as held:
            self.seconds.append(time.perf_counter() - began)
            yield held

    def forget(self) -> None:
        self.at_once = 0
        self.seconds.clear()


class Design(GrantStore, Protocol):
    """A store that tells who had to wait for its locks."""

    waits: LockWaits


class KernelLocked(SqliteStore):
    def __init__(self, home: Home) -> None:
        super().__init__(home.path, [EnvironmentKey({VARIABLE: home.key})], patience=PATIENCE)
        self.waits = LockWaits()

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool, None, None]:
        take = super().lock
        with self.waits.counted(lambda blocking: take(key, wait=blocking), wait=wait) as held:
            yield held


class HeldTransaction(MemoryStore):
    """What is no grant stays in memory: a refresh does not touch it."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.waits = LockWaits()
        self._path = home.path / "held.db"
        self._key = home.key_bytes
        self._idle: list[sqlite3.Connection] = []
        self._thread = threading.local()
        self._watch = self._connect()
        self._watch.execute(
            "CREATE TABLE IF NOT EXISTS grants (name TEXT PRIMARY KEY, issuer TEXT, generation INTEGER, sealed BLOB)"
        )

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        name = name_of(owner, server, account)
        with self._connection() as connection:
            rows = connection.execute("SELECT issuer, generation, sealed FROM grants WHERE name = ?", (name,)).fetchall()
        if not rows:
            return None
        found, generation, sealed = rows[0]
        return open_grant(self._key, GrantKey(owner, server, account, found), generation, sealed)

    def save_grant(self, grant: Grant) -> Grant:
        key = grant.key
        name, generation = name_of(key.owner, key.server, key.account), grant.generation + 1
        with self._connection() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO grants VALUES (?, ?, ?, ?)",
                (name, key.issuer, generation, seal_grant(self._key, grant, generation)),
            )
        return replace(grant, generation=generation)

    def replace_grant(self, grant: Grant) -> Grant | None:
        key, generation = grant.key, grant.generation + 1
        with self._connection() as connection:
            changed = connection.execute(
                "UPDATE grants SET generation = ?, sealed = ? WHERE name = ? AND generation = ?",
                (
                    generation,
                    seal_grant(self._key, grant, generation),
                    name_of(key.owner, key.server, key.account),
                    grant.generation,
                ),
            ).rowcount
        return replace(grant, generation=generation) if changed else None

    def data_version(self) -> int:
        version: int = self._watch.execute("PRAGMA data_version").fetchall()[0][0]
        return version

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool]:
        with self.waits.counted(self._hold, wait=wait) as held:
            yield held

    @contextmanager
    def _hold(self, blocking: bool) -> Generator[bool]:
        with self._connection() as connection:
            connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000) if blocking else 0}")
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                yield False
                return
            self._thread.held = connection
            try:
                yield True
            finally:
                self._thread.held = None
                connection.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        """The one that holds the lock, in the thread that does."""
        held: sqlite3.Connection | None = getattr(self._thread, "held", None)
        if held is not None:
            yield held
            return
        connection = self._idle.pop() if self._idle else self._connect()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection


class PolledFile(MemoryStore):
    """What is no grant stays in memory: a refresh does not touch it."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.waits = LockWaits()
        self._directory = home.path / "polled"
        self._directory.mkdir(exist_ok=True)
        self._key = home.key_bytes

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        try:
            found = json.loads(self._path(owner, server, account).read_bytes())
        except FileNotFoundError:
            return None
        sealed = base64.b64decode(found["sealed"])
        return open_grant(self._key, GrantKey(owner, server, account, found["issuer"]), found["generation"], sealed)

    def save_grant(self, grant: Grant) -> Grant:
        key, generation = grant.key, grant.generation + 1
        sealed = base64.b64encode(seal_grant(self._key, grant, generation)).decode()
        written = json.dumps({"issuer": key.issuer, "generation": generation, "sealed": sealed})
        write_durably(self._path(key.owner, key.server, key.account), written.encode())
        return replace(grant, generation=generation)

    def replace_grant(self, grant: Grant) -> Grant | None:
        """Compared and set by whoever holds the lock; the file itself cannot."""
        key = grant.key
        found = self.find_grant(key.owner, key.server, key.account)
        return self.save_grant(grant) if found is not None and found.generation == grant.generation else None

    def data_version(self) -> int:
        """A rename changes the directory."""
        return self._directory.stat().st_mtime_ns

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool]:
        path = self._path(key.owner, key.server, key.account).with_suffix(".lock")
        with self.waits.counted(partial(poll, path), wait=wait) as held:
            yield held

    def _path(self, owner: str, server: str, account: str) -> Path:
        return self._directory / f"{sha256(name_of(owner, server, account).encode()).hexdigest()}.json"


def write_durably(path: Path, content: bytes) -> None:
    draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def poll(path: Path, blocking: bool) -> Generator[bool]:
    from filelock import FileLock, Timeout  # here: the other benchmarks do without

    lock = FileLock(path, timeout=PATIENCE)
    try:
        lock.acquire(blocking=blocking)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def name_of(owner: str, server: str, account: str) -> str:
    return json.dumps([owner, server, account])


def seal_grant(key: bytes, grant: Grant, generation: int) -> bytes:
    return seal(key, bind("grants", *place_of(grant.key), generation), encode_grant(grant))


def open_grant(key: bytes, place: GrantKey, generation: int, sealed: bytes) -> Grant:
    return decode_grant(place, generation, unseal(key, bind("grants", *place_of(place), generation), sealed))


def place_of(key: GrantKey) -> tuple[str, str, str, str]:
    return key.owner, key.server, key.account, key.issuer


OURS, HELD, POLLED = "ours", "BEGIN IMMEDIATE", "filelock"

DESIGNS: dict[str, Callable[[Home], Design]] = {OURS: KernelLocked, HELD: HeldTransaction, POLLED: PolledFile}


def open_design(name: str, home: Home) -> Design:
    return DESIGNS[name](home)
