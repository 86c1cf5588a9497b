"""
How `vault.db` grows: a list that is only ever appended to.

Each entry runs once, in a transaction of its own, and is recorded there. A vault from a newer program is refused before anything
is touched (TG19); a program that was running while a newer one migrated notices at its next write.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from handstamp.errors import VaultCorrupt, VaultError, hint

__all__ = ["MIGRATIONS", "SCHEMA", "Migration", "check_schema", "migrate"]

Migration = Callable[[sqlite3.Connection], None]


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
    while _read_schema(connection, path) < len(migrations):
        _take_one_step(connection, path, migrations)
    check_schema(connection, path, len(migrations))


def check_schema(connection: sqlite3.Connection, path: Path, expected: int = SCHEMA) -> None:
    """Raises VaultError where the vault is of another schema than this program's."""
    found = _read_schema(connection, path)
    if found != expected:
        raise VaultError(f"{path} has schema {found}, this program knows {expected}: another version of Handstamp wrote it.")


def _take_one_step(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again under the write lock: two programs may start at once.
        schema = _read_schema(connection, path)
        if schema < len(migrations):
            step = migrations[schema]
            step(connection)
            connection.execute("INSERT INTO migrations (number, name) VALUES (?, ?)", (schema + 1, step.__name__))
            connection.execute("UPDATE header SET schema = ?", (schema + 1,))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _read_schema(connection: sqlite3.Connection, path: Path) -> int:
    rows = connection.execute("SELECT schema FROM header").fetchall()
    if not rows or not isinstance(rows[0][0], int):
        raise VaultCorrupt(f"{path} has no header: expected one row.", hint=hint("move_aside", path=str(path)))
    return rows[0][0]
