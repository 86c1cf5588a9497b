"""
`vault.db` as a file of SQLite's: made whole, opened with care, and let go where another takes its place.

**Making.** A new vault is built as `vault.db.new` and renamed when it is whole, while the creation lock is held. So `vault.db` is
absent or complete: an empty one is damage and not a beginning, and no start ever writes over it.

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
is shown no trust (`handstamp.stores.opening`), and must be ours to the word before it
is opened for writing (TG6, TG7).
"""

import os
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

from handstamp.errors import StoreUnreachable, VaultCorrupt, hint
from handstamp.stores.connections import Connections, Held, begin
from handstamp.stores.locks import KernelLock
from handstamp.stores.mounts import refuse_network
from handstamp.stores.opening import APPLICATION_ID, connect, settle, translated
from handstamp.stores.private_files import check_directory, create_private, find_file, prepare_directory, sync_directory

__all__ = ["Database"]

_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite opens with `vault.db`. A vault has no rollback journal, but one that lies there would be played back."""

_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# Handstamp's vault. This file tells backup programs to leave the directory out: whoever loses it signs in again.\n"
)
"""The signature is that of the Cache Directory Tagging Specification, which borg, restic, tar and others know."""


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
        self._process = begin(self)

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
        give_up = time.monotonic() + self._patience
        while not self._checkpoint():
            if time.monotonic() >= give_up:
                return False
            # SQLite waits for readers by itself; of another checkpoint it says at once that there is one.
            time.sleep(0.02)
        return True

    def _checkpoint(self) -> bool:
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

    def _here(self) -> Connections:
        if not self._process.is_here:
            self._process = begin(self)
        return self._process

    def _connection_for_writing(self) -> Held:
        held = self._connection()
        if held is None:
            raise StoreUnreachable(f"{self.path} is gone: it was there a moment ago.")
        return held

    def _connection(self) -> Held | None:
        process = self._here()
        held = process.threads.held = self._still_open(getattr(process.threads, "held", None))
        return held

    def _still_open(self, held: Held | None) -> Held | None:
        """The same, if it is open and what it opened is still in its place; else a new one, or None where there is no vault."""
        if held is None or held.closed:
            return self._open()
        if held.is_at(self.path):
            return held
        held.close()
        return self._open()

    def _open(self) -> Held | None:
        found = self._find()
        if found is None:
            return None
        with self._translated():
            self._judge_stranger(found)
            connection = self._connect(found, "rw")
            try:
                settle(connection)
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
            raise VaultCorrupt(f"{self.path} is not a vault of Handstamp.", hint=_move_aside(self.path))

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
            raise VaultCorrupt(f"{log} is there without its {self.path.name}.", hint=_move_aside(log))

    def _build_whole(self) -> None:
        """Under another name, renamed when it is complete and its log is folded in. A failure leaves nothing behind."""
        draft = self.path.with_name(self.path.name + ".new")
        _remove_draft(draft)
        create_private(draft)
        try:
            with closing(connect(draft, "rw", self._patience)) as connection:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                settle(connection)
                self._build(connection)
            draft.rename(self.path)
        except BaseException:
            _remove_draft(draft)
            raise

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.path, self._patience)


def _move_aside(path: Path) -> str:
    return hint("move_aside", path=str(path))


def _remove_draft(draft: Path) -> None:
    for suffix in ("", *_BESIDE):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
