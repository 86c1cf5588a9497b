"""
A vault looked through: its files, its database, its key, and every row. Changes nothing.

Each look is one finding, in the order in which a person would mend things: where the files are not yours alone, nothing below
would be opened by any command, and so nothing below is looked at.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from handstamp.errors import VaultError, hint
from handstamp.ports import KeyProvider
from handstamp.protocol.text import safe
from handstamp.stores.backups import Progress
from handstamp.stores.database import Database
from handstamp.stores.migrations import MIGRATIONS, Migration, judge_schema, read_schema
from handstamp.stores.pinning import load_pinned_key
from handstamp.stores.private_files import check_directory, find_file
from handstamp.stores.rows import Rows, count_rows

__all__ = ["Finding", "State", "check_vault"]

MOST_FAULTS = 20
"""Of the database's structure that are told."""


class State(Enum):
    """What a finding comes to."""

    FINE = "fine"
    NOTABLE = "notable"
    """Nothing is wrong; a person may want to know, or to tidy up."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at the vault."""

    subject: str
    state: State
    text: str
    hint: str | None = None


def check_vault(
    directory: Path,
    providers: Iterable[KeyProvider],
    progress: Progress,
    *,
    patience: float = 5.0,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> Iterator[Finding]:
    """Looks, and tells as it goes. Never raises a VaultError: that is a finding."""
    database = Database(
        directory,
        judge=lambda connection: judge_schema(connection, database.path, migrations),
        admit=lambda _: None,
        build=lambda _: None,
        patience=patience,
    )
    if not directory.exists():
        yield Finding("vault.db", State.NOTABLE, "no vault yet: the first sign-in makes it")
        return
    faults = list(_judge_files(directory))
    yield from faults or [Finding("files", State.FINE, "yours alone")]
    if not faults:
        yield from _look_inside(database, providers, progress, len(migrations))
    yield from _find_leftovers(directory)


def _judge_files(directory: Path) -> Iterator[Finding]:
    """Owners, modes and links of all that Handstamp makes, and of the way to it."""
    locks = directory / "locks"
    for place in (directory, locks):
        try:
            if place == directory or place.exists():
                check_directory(place)
        except VaultError as error:
            yield _wrong(place.name, error)
            return
    for path in (*sorted(directory.glob("vault.*")), *sorted(locks.glob("*.lock"))):
        try:
            find_file(path)
        except VaultError as error:
            yield _wrong(str(path.relative_to(directory)), error)


def _look_inside(database: Database, providers: Iterable[KeyProvider], progress: Progress, newest: int) -> Iterator[Finding]:
    try:
        with database.looking() as connection:
            if connection is None:
                yield Finding("vault.db", State.NOTABLE, "no vault yet: the first sign-in makes it")
                return
            faults = connection.execute(f"PRAGMA integrity_check({MOST_FAULTS})").fetchall()
            if faults != [("ok",)]:
                move = hint("move_aside", path=str(database.path))
                yield from (Finding("vault.db", State.WRONG, safe(str(fault)), move) for (fault,) in faults)
            schema = read_schema(connection, database.path)
            if schema < newest:
                yield Finding("vault.db", State.NOTABLE, f"schema {schema}; the next use brings it to {newest}: check it then")
                return
            if faults == [("ok",)]:
                yield Finding("vault.db", State.FINE, f"intact, schema {schema}")
            yield from _open_rows(connection, database.path, providers, progress)
    except VaultError as error:
        yield _wrong("vault.db", error)


def _open_rows(
    connection: sqlite3.Connection, path: Path, providers: Iterable[KeyProvider], progress: Progress
) -> Iterator[Finding]:
    ((provider, check),) = connection.execute("SELECT key_provider, key_check FROM header LIMIT 1").fetchall()
    try:
        pinned = load_pinned_key(providers, provider, check)
    except VaultError as error:
        yield _wrong("key", error)
        return
    yield Finding("key", State.FINE, f"in {pinned.description}")
    intact: Counter[str] = Counter()
    total = count_rows(connection)
    for done, (row, opened) in enumerate(Rows(pinned, path).open_all(connection), start=1):
        progress(done, total)
        if isinstance(opened, VaultError):
            yield _wrong(safe(str(row[1])), opened)
        else:
            intact[type(opened).__name__] += 1
    yield Finding(
        "rows",
        State.FINE,
        f"{_count(intact['Grant'], 'sign-in')}, {_count(intact['Registration'], 'registration')}, "
        f"{_count(intact['Secret'], 'client secret')} open",
    )


def _find_leftovers(directory: Path) -> Iterator[Finding]:
    """Whoever signs out wants no copy of the sign-in left behind; only its owner knows what one is kept for."""
    ours = {f"vault.db{suffix}" for suffix in ("", "-wal", "-shm")}
    for path in sorted(directory.glob("vault.db*")) + sorted(directory.glob(".vault.db*")):
        if path.name not in ours:
            is_draft = path.name.startswith(("vault.db.new", "."))
            text = "left by a program that was killed" if is_draft else "a former vault, with its tokens"
            yield Finding(path.name, State.NOTABLE, text, hint("remove_file", path=str(path)))


def _wrong(subject: str, error: VaultError) -> Finding:
    return Finding(subject, State.WRONG, error.message.rstrip("."), error.hint)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
