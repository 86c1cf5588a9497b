"""
`vault.db` as a file of SQLite's: opened with care, one connection a thread and process, failures told in our own words.

**Making.** A new vault is built as `vault.db.new` and renamed when it is whole, while the creation lock is held. So `vault.db` is
absent or complete: an empty one is damage and not a beginning, and no start ever writes over it.

**Threads.** Each thread has a connection of its own and never uses another's. `check_same_thread` is off for one reason: `close`
must be able to close them all. A lock beside each connection, which nobody else ever contends for, makes that safe.

**Forks.** SQLite must not be carried over a fork: a child that closes the parent's connection may wait for a mutex whose holder
does not exist there. So a child opens its own, and what it inherited is kept, untouched, even when it ends (TG17).

**Ending.** Whoever never calls `close` is helped: connections are closed when the Database is collected, and at the end of the
program, by a hook that runs after the program's own (those may still need the vault). Neither ever waits for a lock: what is in
the middle of a call then, in a thread that nobody waits for, is left alone.

**Watching.** `PRAGMA data_version` tells a connection of everybody's commits but its own, and its values mean nothing to another
connection. So one connection of the process does nothing but watch, and sees every write.

**Closing descriptors.** POSIX drops a process's locks on a file when any descriptor of that file is closed. So nobody here opens
`vault.db` but SQLite; modes and links are judged by lstat.

**Opening by name.** SQLite takes a name and no open file. That is safe because nobody else can change what the name means: the
directory, its files and the way to it are judged first (`handstamp.stores.ways`). The name is looked at once more when it is
open, before the first word is read, and a file that was swapped in between is let go (TG4). Its log and index SQLite opens later,
and follows no links to them.

**Moved away.** Whoever moves `vault.db` aside, by hand or by `handstamp vault restore`, leaves programs with the moved file in
their hands. What they write there nobody would ever read. So each use looks whether the name still means the file that is open,
a write does so under SQLite's write lock, and what was moved is let go. SQLite itself looks before it deletes a log at its end.

**Strangers.** A file at our name may come from anybody: a backup, an archive, a colleague. It is first opened for reading only,
is shown no trust (`trusted_schema`, `DEFENSIVE`, a bound on what one value may weigh), and must be ours to the word before it
is opened for writing (TG6, TG7).
"""

import atexit
import os
import sqlite3
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock, local
from weakref import WeakSet, finalize

from handstamp.errors import HandstampError, StoreUnreachable, VaultCorrupt, VaultError, VaultLocked, hint
from handstamp.protocol.text import safe
from handstamp.stores.locks import KernelLock
from handstamp.stores.mounts import refuse_network
from handstamp.stores.private_files import check_directory, create_private, find_file, prepare_directory, sync_directory

__all__ = ["APPLICATION_ID", "Database", "connect"]

APPLICATION_ID = 0x48535456
"""`HSTV` in the file's header: how a vault is told from another program's database."""

_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite opens with `vault.db`. A vault has no rollback journal, but one that lies there would be played back."""

_GUARDS = (
    # No function that touches the world may be called by the file's own schema.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    # No temporary file anywhere: what a kill leaves behind lies in the vault's directory.
    "PRAGMA temp_store = MEMORY",
)

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # Some builds leave deleted bytes in the file unless told.
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -2000",
)

_LARGEST_VALUE = 4 * 1024 * 1024
"""Bytes of one value or row that are ever read. A grant is a few thousand."""

_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# Handstamp's vault. This file tells backup programs to leave the directory out: whoever loses it signs in again.\n"
)
"""The signature is that of the Cache Directory Tagging Specification, which borg, restic, tar and others know."""

_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_TOOBIG,
}
_CONTENTION = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Database:
    """
    `judge` looks at a file that says it is a vault, for reading only; `admit` readies each new connection to one; `build` fills a
    new one. `patience` is how many seconds a call waits for another's transaction.

    Safe to call from many threads and after a fork. Every failure is a VaultError.
    """

    def __init__(
        self,
        directory: Path,
        *,
        judge: Callable[[sqlite3.Connection], None],
        admit: Callable[[sqlite3.Connection], None],
        build: Callable[[sqlite3.Connection], None],
        patience: float,
    ) -> None:
        self.path = directory / "vault.db"
        self._directory = directory
        self._patience = patience
        self._judge = judge
        self._admit = admit
        self._build = build
        self._is_local = False
        self._process = self._begin_process()

    def prepare(self) -> bool:
        """Opens the vault, made now where there is none. True if this call made it."""
        made = self._find() is None and self._make()
        self._connection_for_writing()
        return made

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection | None, None, None]:
        """One state of the vault, however many questions; None where there is no vault yet. Reading never makes one."""
        held = self._connection()
        if held is None:
            yield None
            return
        with held.lock, self._translated():
            held.connection.execute("BEGIN")
            try:
                yield held.connection
            finally:
                held.connection.rollback()

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection, None, None]:
        """One short transaction, on disk when the block ends. The vault exists: `prepare` was called."""
        held = self._connection_for_writing()
        with held.lock, self._translated():
            held.connection.execute("BEGIN IMMEDIATE")
            try:
                # It may have been moved aside while we waited.
                self._refuse_swapped(held.file)
                yield held.connection
                held.connection.execute("COMMIT")
            except BaseException:
                # A failed COMMIT may have rolled back by itself; the failure to tell is the first one.
                with suppress(sqlite3.Error):
                    held.connection.rollback()
                raise

    def erase_log(self) -> bool:
        """
        Moves what was written into `vault.db` and empties `vault.db-wal`, where deleted bytes would live on.

        False where a reader kept it from being emptied for the whole busy time.
        """
        held = self._connection_for_writing()
        with held.lock, self._translated():
            ((busy, _, _),) = held.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return not busy

    def version(self) -> int:
        """Differs after any write of anybody, this process included; 0 where there is no vault yet."""
        process = self._here()
        with process.watch_lock:
            watch = process.watch = self._still_open(process.watch)
        if watch is None:
            return 0
        with watch.lock, self._translated():
            version: int = watch.connection.execute("PRAGMA data_version").fetchall()[0][0]
        return watch.salt | version

    def open(self) -> None:
        """Opens the vault, where there is one."""
        self._connection()

    def set_aside(self, kept: Path) -> None:
        """
        Gives the vault, whatever is in it, another name, its log and index too.

        The file first: whoever finds it under its own name still has all that belongs to it.
        """
        lock = KernelLock(self._directory / "locks" / "vault.lock")
        with lock, self._translated():
            create_private(kept)
            self.path.replace(kept)
            for suffix in _BESIDE:
                with suppress(FileNotFoundError):
                    self._beside(suffix).replace(kept.with_name(kept.name + suffix))
            sync_directory(self._directory)

    @contextmanager
    def looking(self) -> Generator[sqlite3.Connection | None, None, None]:
        """A connection of its own that reads one state and cannot write, judged like every other; None without a vault."""
        found = self._find()
        if found is None:
            yield None
            return
        with self._translated():
            self._judge_stranger(found)
            # Not "ro": such a connection would leave the log and the index that it makes.
            with closing(self._connect(found, "rw")) as connection:
                connection.execute("PRAGMA query_only = ON").close()
                self._judge(connection)
                yield connection

    def close(self) -> None:
        """Closes every connection of this process. A later call simply opens anew."""
        for held in self._here().take_all():
            held.close()

    def _find(self) -> os.stat_result | None:
        """Which file the vault is, if there is one. Judges the directory and all files, too."""
        if not os.path.lexists(self._directory):
            return None
        self._check_place()
        for suffix in _BESIDE:
            find_file(self._beside(suffix))
        return find_file(self.path)

    def _check_place(self) -> None:
        check_directory(self._directory)
        if not self._is_local:
            refuse_network(self._directory)
            self._is_local = True

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _here(self) -> "_Process":
        if not self._process.is_here:
            self._process = self._begin_process()
        return self._process

    def _begin_process(self) -> "_Process":
        process = _Process()
        _processes.add(process)
        # Collection alone: at the end of the program the hook below closes, in its own time.
        finalize(self, _collect, process).atexit = False
        return process

    def _connection_for_writing(self) -> "_Held":
        held = self._connection()
        if held is None:
            raise StoreUnreachable(f"{self.path} is gone: it was there a moment ago.")
        return held

    def _connection(self) -> "_Held | None":
        process = self._here()
        held = process.threads.held = self._still_open(getattr(process.threads, "held", None))
        return held

    def _still_open(self, held: "_Held | None") -> "_Held | None":
        """The same, if it is open and what it opened is still in its place; else a new one, or None where there is no vault."""
        if held is None or held.closed:
            return self._open()
        if held.is_at(self.path):
            return held
        held.close()
        return self._open()

    def _open(self) -> "_Held | None":
        found = self._find()
        if found is None:
            return None
        with self._translated():
            self._judge_stranger(found)
            connection = self._connect(found, "rw")
            try:
                _settle(connection)
                # Once more, now that its log is open, too: if both were exchanged meanwhile, they do not belong together.
                self._refuse_swapped(found)
                self._admit(connection)
            except BaseException:
                connection.close()
                raise
        return self._here().keep(connection, found)

    def _judge_stranger(self, found: os.stat_result) -> None:
        with closing(self._connect(found, "ro")) as looking:
            self._refuse_foreign(looking)
            self._judge(looking)

    def _connect(self, expected: os.stat_result, mode: str) -> sqlite3.Connection:
        """Looks at the name again before the first question: what was swapped in has had no word."""
        connection = connect(self.path, mode, self._patience)
        try:
            self._refuse_swapped(expected)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_swapped(self, expected: os.stat_result) -> None:
        """Judges it anew, too: the number of a file that is gone may already be another's."""
        found = find_file(self.path)
        if found is None or not os.path.samestat(found, expected):
            raise StoreUnreachable(f"{self.path} was replaced by another file while it was opened.")

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        ((found,),) = connection.execute("PRAGMA application_id").fetchall()
        if found != APPLICATION_ID:
            raise VaultCorrupt(f"{self.path} is not a vault of Handstamp.", hint=self._move_aside(self.path))

    def _make(self) -> bool:
        """True if it was made here; False where another process was faster."""
        if prepare_directory(self._directory):
            # A directory that was there before may hold other things, which are not ours to keep out of a backup.
            self._tell_backups()
        self._check_place()
        with KernelLock(self._directory / "locks" / "vault.lock"):
            if self._find() is not None:
                return False
            self._refuse_orphaned_log()
            with self._translated():
                self._build_whole()
                sync_directory(self._directory)
            return True

    def _tell_backups(self) -> None:
        """
        A copy of a vault is no use: its refresh tokens are spent by the time that it is put back, and its key may be elsewhere.

        But it is one more thing to steal (TG13). A sibling may be faster, and without the file all else works too.
        """
        with suppress(StoreUnreachable):
            create_private(self._directory / "CACHEDIR.TAG", _TAG)

    def _refuse_orphaned_log(self) -> None:
        """SQLite would replay the log of a vault that was moved away into the new one."""
        log = self._beside("-wal")
        found = find_file(log)
        if found is not None and found.st_size:
            raise VaultCorrupt(f"{log} is there without its {self.path.name}.", hint=self._move_aside(log))

    def _build_whole(self) -> None:
        """Under another name, renamed when it is complete and its log is folded in. A failure leaves nothing behind."""
        draft = self.path.with_name(self.path.name + ".new")
        _remove_draft(draft)
        create_private(draft)
        try:
            with closing(connect(draft, "rw", self._patience)) as connection:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                _settle(connection)
                self._build(connection)
            draft.rename(self.path)
        except BaseException:
            _remove_draft(draft)
            raise

    @contextmanager
    def _translated(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._translate(error) from error
        except (OverflowError, UnicodeDecodeError):
            # A number beyond SQLite's, or an error of SQLite's whose own words quote bytes that are no text.
            raise VaultCorrupt(
                f"{self.path} is damaged: something in it is no number or no text.", hint=self._move_aside(self.path)
            ) from None
        except OSError as error:
            raise StoreUnreachable(f"{self.path} cannot be written: {error.strerror}.") from error

    def _translate(self, error: sqlite3.Error) -> HandstampError:
        # The low byte is the primary code, the rest says more about it.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _CONTENTION:
            return VaultLocked(f"{self.path} was in use by another program for more than {self._patience:g} seconds.")
        if code in _DAMAGE and not isinstance(error, sqlite3.ProgrammingError):
            return VaultCorrupt(f"{self.path} is damaged: {safe(str(error))}.", hint=self._move_aside(self.path))
        return StoreUnreachable(f"{self.path} cannot be used: {safe(str(error))}.")

    @staticmethod
    def _move_aside(path: Path) -> str:
        return hint("move_aside", path=str(path))


class _Held:
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


class _Process:
    """What belongs to one process and must not outlive a fork: its connections and the locks of its threads."""

    def __init__(self) -> None:
        self.id = os.getpid()
        self.threads = local()
        self.watch: _Held | None = None
        self.watch_lock = Lock()
        self._guard = Lock()
        self._all: WeakSet[_Held] = WeakSet()

    @property
    def is_here(self) -> bool:
        return self.id == os.getpid()

    def keep(self, connection: sqlite3.Connection, file: os.stat_result) -> _Held:
        held = _Held(connection, file)
        with self._guard:
            self._all.add(held)
        return held

    def take_all(self) -> list[_Held]:
        with self._guard:
            taken = list(self._all)
            self._all.clear()
        return taken

    def peek(self) -> list[sqlite3.Connection]:
        """In a forked child: the guard may be held by a thread that does not exist here."""
        return [held.connection for held in self._all]


_processes: set[_Process] = set()
"""Held here, so that nothing of a parent's is ever closed in a child, and so that the end of the program finds all."""


def _collect(process: _Process) -> None:
    """The Database is gone."""
    if process.is_here:
        _processes.discard(process)
        for held in process.take_all():
            held.close_unless_busy()


def _end() -> None:
    for process in list(_processes):
        if process.is_here:
            _collect(process)
        else:
            _inherited.extend(process.peek())
    if _inherited:
        _leave_open(_inherited)


def _leave_open(connections: Sequence[sqlite3.Connection]) -> None:
    """The interpreter would close them on its way out: one reference too many keeps it from that."""
    with suppress(ImportError):
        from ctypes import py_object, pythonapi

        for connection in connections:
            pythonapi.Py_IncRef(py_object(connection))


atexit.register(_end)


def _remove_draft(draft: Path) -> None:
    for suffix in ("", *_BESIDE):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    """
    `mode` is `ro` or `rw`, which never creates; more of SQLite's parameters of a URI may follow it. Transactions are ours to
    begin and end. `timeout` is SQLite's busy_timeout, in seconds. Reads nothing of the file.
    """
    name = path.absolute().as_posix().replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    uri = f"file://{name if name.startswith('/') else '/' + name}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=patience)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    for guard in _GUARDS:
        connection.execute(guard).close()
    return connection


def _settle(connection: sqlite3.Connection) -> None:
    """Writes nothing to a vault that has these settings already."""
    for setting in _SETTINGS:
        connection.execute(setting).close()
    ((mode,),) = connection.execute("PRAGMA journal_mode").fetchall()
    if mode != "wal":
        raise VaultError(f"SQLite gives journal mode {mode} here: expected wal, which needs a local disk.")
