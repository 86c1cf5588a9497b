"""
A vault as one file that lies still: written, and read again with suspicion.

**Writing.** SQLite copies one state of the vault, whoever writes meanwhile. The copy grows as a draft beside its place and gets
its name when it is whole and on disk; a name that is taken is refused, and never replaced. It has no log, so that the file is all
of it. Its rows stay sealed: the key is not in it.

**Reading.** A file may come from anybody (TG6, TG7). It is read once, into memory; there its schema must be ours, word for word,
before it is asked for a row, and brought forward if it is an older program's. Nothing of it but rows that open under the vault's
key ever gets any further, and those are sealed anew.
"""

import os
import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from handstamp.errors import HandstampError, KeyUnavailable, StoreUnreachable, UsageError, VaultCorrupt, forgetting_values, hint
from handstamp.model import Grant, Registration, Secret
from handstamp.ports import KeyProvider
from handstamp.protocol.text import safe
from handstamp.stores.database import Database
from handstamp.stores.migrations import judge_schema, migrate
from handstamp.stores.opening import APPLICATION_ID, connect
from handstamp.stores.pinning import PinnedKey, load_pinned_key
from handstamp.stores.private_files import check_trusted, create_private, sync_directory
from handstamp.stores.rows import Rows, count_rows
from handstamp.stores.ways import find_way, unreachable

__all__ = ["Contents", "Progress", "Written", "back_up", "read_backup", "write_backup"]

Progress = Callable[[int, int], None]
"""Hears how much is done, and of how much. Called often."""

PAGES = 512
"""That are copied between two reports."""
LARGEST = 1 << 30
"""Bytes of a backup that are ever read: half a million sign-ins."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds, opened."""

    grants: tuple[Grant, ...]
    registrations: tuple[tuple[str, Registration], ...]
    """Each with its owner."""
    client_secrets: tuple[tuple[str, str, str, Secret], ...]
    """Each with owner, server and `client_id`."""
    damaged: int
    """Rows that do not open."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a backup that was just written has in it."""

    sign_ins: int
    pin: str
    """Where the key is without which nobody opens it, as its header says."""


def back_up(database: Database, target: Path, progress: Progress) -> Written:
    """Needs no key. Raises StoreUnreachable where there is no vault, and as `write_backup` does."""
    with database.looking() as source:
        if source is None:
            raise StoreUnreachable(f"There is no vault at {database.path} yet, and so nothing to back up.")
        write_backup(source, target, progress)
        ((sign_ins, provider),) = source.execute("SELECT (SELECT count(*) FROM grants), key_provider FROM header LIMIT 1")
    return Written(sign_ins, provider)


def write_backup(source: sqlite3.Connection, target: Path, progress: Progress) -> None:
    """
    A copy of what `source` sees, as a new file of yours alone.

    Raises UsageError where the name is taken, StoreUnreachable where it cannot be written, and leaves nothing then.
    """
    directory = find_way(target.parent)
    if not directory.is_dir():
        raise _not_so("backup", f"Expected a directory for the new file, got {target.parent}.")
    place, draft = directory / target.name, directory / f".{target.name}.handstamp"
    if os.path.lexists(place):
        raise _not_so("backup", f"Expected a name that is free, since a backup replaces nothing, got {target}.")
    try:
        # One that a kill has left: nobody else has files of this name.
        draft.unlink(missing_ok=True)
        create_private(draft)
        try:
            _copy(source, draft, progress)
            _publish(draft, place)
        finally:
            draft.unlink(missing_ok=True)
        sync_directory(directory)
    except FileExistsError as error:
        raise StoreUnreachable(f"{target} has just been made by another program: nothing was written.") from error
    except OSError as error:
        raise unreachable(target, error) from error
    except sqlite3.Error as error:
        raise StoreUnreachable(f"{target} cannot be written: {safe(str(error))}.") from error


@forgetting_values()
def read_backup(path: Path, providers: Iterable[KeyProvider], progress: Progress) -> Contents:
    """
    Raises StoreUnreachable for a file that others could have written, VaultCorrupt for one that is no vault, KeyUnavailable
    where the key that it is sealed with is not here, VaultError for one of a newer program.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory, _told_as_damage(path):
        _load(path, memory)
        judge_schema(memory, path)
        memory.rollback()
        migrate(memory, path)
        ((provider, check),) = memory.execute("SELECT key_provider, key_check FROM header LIMIT 1").fetchall()
        return _open_all(memory, Rows(_find_key(path, providers, provider, check), path), progress)


def _copy(source: sqlite3.Connection, draft: Path, progress: Progress) -> None:
    # nolock: nobody else has this file, and its place may be on a network.
    with closing(connect(draft, "rw&nolock=1", 0)) as copy:
        copy.execute("PRAGMA synchronous = OFF").close()
        copy.execute("PRAGMA journal_mode = OFF").close()
        source.backup(copy, pages=PAGES, progress=lambda _, left, total: progress(total - left, total))
    with draft.open("r+b") as file:
        # SQLite's file format, 1.3: read and written without a log from now on.
        file.seek(18)
        file.write(b"\x01\x01")
        file.flush()
        os.fsync(file.fileno())


def _publish(draft: Path, place: Path) -> None:
    """Raises FileExistsError where the name is taken."""
    try:
        os.link(draft, place)
    except FileExistsError:
        raise
    except OSError:
        # A disk without hard links, as a USB stick's. On Windows the next line refuses by itself.
        if os.path.lexists(place):
            raise FileExistsError from None
        draft.rename(place)


def _load(path: Path, memory: sqlite3.Connection) -> None:
    try:
        check_trusted(path)
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise _not_so("restore", f"Expected a file of `handstamp vault backup`, got {path}: no such file.") from error
    if size > LARGEST:
        raise StoreUnreachable(f"{path} is larger than {LARGEST >> 20} MiB, and so no vault.")
    with suppress(OSError):
        if path.with_name(path.name + "-wal").stat().st_size:
            raise VaultCorrupt(
                f"{path} is a vault in use, not a backup: part of it is in {path.name}-wal.",
                hint=hint("vault_backup", path=str(path) + ".backup"),
            )
    # immutable: no lock and no log is wanted for a file that lies still, nor made beside it.
    with closing(connect(path.absolute(), "ro&immutable=1", 0)) as file:
        ((found,),) = file.execute("PRAGMA application_id").fetchall()
        if found != APPLICATION_ID:
            raise VaultCorrupt(
                f"{path} is no vault of Handstamp's.", hint=hint("help_subcommand", group="vault", subcommand="restore")
            )
        file.backup(memory)
    if (answer := memory.execute("PRAGMA integrity_check(1)").fetchall()) != [("ok",)]:
        raise VaultCorrupt(f"{path} is damaged: {safe(str(answer[0][0]))}.")


def _find_key(path: Path, providers: Iterable[KeyProvider], name: str, check: bytes) -> PinnedKey:
    try:
        return load_pinned_key(providers, name, check)
    except KeyUnavailable as error:
        raise KeyUnavailable(
            f"{path} cannot be opened here: a copy from before a rekey needs the key of then. {error.message}", hint=error.hint
        ) from error


def _open_all(memory: sqlite3.Connection, rows: Rows, progress: Progress) -> Contents:
    grants: list[Grant] = []
    registrations: list[tuple[str, Registration]] = []
    client_secrets: list[tuple[str, str, str, Secret]] = []
    damaged, total = 0, count_rows(memory)
    for done, (row, opened) in enumerate(rows.open_all(memory), start=1):
        progress(done, total)
        match opened:
            case Grant():
                grants.append(opened)
            case Registration():
                registrations.append((row[0], opened))
            case Secret():
                client_secrets.append((*row[:3], opened))
            case VaultCorrupt():
                damaged += 1
    return Contents(tuple(grants), tuple(registrations), tuple(client_secrets), damaged)


def _not_so(command: str, message: str) -> UsageError:
    return UsageError(message, hint=hint("help_subcommand", group="vault", subcommand=command))


@contextmanager
def _told_as_damage(path: Path) -> Generator[None]:
    try:
        yield
    except HandstampError:
        raise
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise VaultCorrupt(f"{path} is damaged, or no vault: {safe(str(error))}.") from None
