"""
How `vault.db` grows: a list that is only ever appended to.

Each entry runs once, in a transaction of its own, and is recorded there: a program that is killed in the middle leaves the step
undone. A vault from a newer program is refused before anything is touched (TG19). A program that was running while a newer one
migrated notices at its next read or write, each of which looks at the header in its own transaction. And a migration waits until
no refresh is under way (`SqliteStore.alone`): what an old program is about to be given, it can still store.

A database brings code along: triggers, views, generated columns, indexes on expressions. A vault has none, so what stands in its
schema must be, word for word, what our own statements make; a file that says anything else is refused before it is asked for a
row, and never written to (TG7). What SQLite itself notes at ANALYZE is data, and may be there. SQLite keeps the words of a
statement, those of ALTER TABLE … ADD COLUMN too; whoever adds a migration that renames leaves the words to SQLite's version, and
has to compare less.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path

from handstamp.errors import VaultCorrupt, VaultError, hint

__all__ = [
    "MIGRATIONS",
    "SCHEMA",
    "Migration",
    "check_schema",
    "create_header",
    "headless",
    "judge_schema",
    "migrate",
    "needs_migration",
    "read_schema",
    "refuse_schema",
]

Migration = Callable[[sqlite3.Connection], None]

MOST_OBJECTS = 1000
"""Of a schema that are looked at: ours has ten."""

STATISTICS = frozenset(
    ("table", name, f"{name} CREATE TABLE {name}({columns})")
    for name, columns in (("sqlite_stat1", "tbl,idx,stat"), ("sqlite_stat4", "tbl,idx,neq,nlt,ndlt,sample"))
)
"""What ANALYZE and PRAGMA optimize add, in SQLite's own words: a database tool may run them, and they hold no code."""


def create_header(connection: sqlite3.Connection) -> None:
    """The two tables that no migration may change: every version reads them first."""
    connection.execute(
        "CREATE TABLE header (schema INTEGER NOT NULL, key_provider TEXT NOT NULL, key_check BLOB NOT NULL,"
        " highest_forgotten INTEGER NOT NULL)"
    )
    connection.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")


def create_tables(connection: sqlite3.Connection) -> None:
    # Rowid tables with an index beside them: WITHOUT ROWID takes twice the room for rows of this size.
    connection.execute(
        "CREATE TABLE grants (owner TEXT NOT NULL, server TEXT NOT NULL, account TEXT NOT NULL, issuer TEXT NOT NULL,"
        " generation INTEGER NOT NULL, granted_at REAL NOT NULL, sealed BLOB NOT NULL, UNIQUE (owner, server, account, issuer))"
    )
    connection.execute(
        "CREATE TABLE registrations (owner TEXT NOT NULL, issuer TEXT NOT NULL, sealed BLOB NOT NULL, UNIQUE (owner, issuer))"
    )
    connection.execute(
        "CREATE TABLE client_secrets (owner TEXT NOT NULL, server TEXT NOT NULL, client_id TEXT NOT NULL, sealed BLOB NOT NULL,"
        " UNIQUE (owner, server, client_id))"
    )


MIGRATIONS: tuple[Migration, ...] = (create_tables,)

SCHEMA = len(MIGRATIONS)
"""The number of migrations that this program knows: the schema that it reads and writes."""


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Brings a vault to the newest schema. Writes nothing where it is there already; raises VaultError where it is beyond."""
    while read_schema(connection, path) < len(migrations):
        _take_one_step(connection, path, migrations)
    check_schema(connection, path, len(migrations))


def needs_migration(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> bool:
    """Whether the vault is of an older program."""
    return read_schema(connection, path) < len(migrations)


def judge_schema(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """
    Raises VaultError unless the file holds what our own statements make, and nothing that runs. Writes nothing.

    The header first: it is a plain table, and says how much of the rest this program knows. All of it in one transaction, which
    the connection's end ends: a newer program may be migrating.
    """
    connection.execute("BEGIN")
    found = _objects(connection)
    if not _made_by(()) <= found:
        raise headless(path)
    schema = read_schema(connection, path)
    if schema > len(migrations):
        check_schema(connection, path, len(migrations))
    if stray := (found - STATISTICS) ^ _made_by(tuple(migrations[:schema])):
        kind, name = min(stray)[:2]
        raise VaultCorrupt(f"{path} differs from every vault in its {kind} {name!r}.", hint=hint("move_aside", path=str(path)))


def check_schema(connection: sqlite3.Connection, path: Path, expected: int = SCHEMA) -> None:
    """Raises VaultError where the vault is of another schema than this program's."""
    refuse_schema(read_schema(connection, path), path, expected)


def refuse_schema(found: int, path: Path, expected: int) -> None:
    """Raises VaultError unless they are the same."""
    if found != expected:
        raise VaultError(f"{path} has schema {found}, this program knows {expected}: another version of Handstamp wrote it.")


@cache
def _made_by(migrations: tuple[Migration, ...]) -> frozenset[tuple[str, str, str]]:
    """What a vault consists of after these."""
    with closing(sqlite3.connect(":memory:")) as connection:
        create_header(connection)
        for migration in migrations:
            migration(connection)
        return _objects(connection)


def _objects(connection: sqlite3.Connection) -> frozenset[tuple[str, str, str]]:
    """Kind, name and words of each; the words of an index that a UNIQUE made are none."""
    rows = connection.execute("SELECT type, name, tbl_name || ' ' || ifnull(sql, '') FROM sqlite_master LIMIT ?", (MOST_OBJECTS,))
    return frozenset((str(kind), str(name), str(words)) for kind, name, words in rows.fetchall())


def _take_one_step(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again under the write lock: two programs may start at once.
        schema = read_schema(connection, path)
        if schema < len(migrations):
            step = migrations[schema]
            step(connection)
            connection.execute("INSERT INTO migrations (number, name) VALUES (?, ?)", (schema + 1, step.__name__))
            connection.execute("UPDATE header SET schema = ?", (schema + 1,))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def read_schema(connection: sqlite3.Connection, path: Path) -> int:
    """Of the vault, whichever program it is from."""
    rows = connection.execute("SELECT schema FROM header LIMIT 1").fetchall()
    if not rows or not isinstance(rows[0][0], int) or rows[0][0] < 0:
        raise headless(path)
    return rows[0][0]


def headless(path: Path) -> VaultCorrupt:
    """What to raise where the header is missing."""
    return VaultCorrupt(f"{path} has no header: expected one row.", hint=hint("move_aside", path=str(path)))
