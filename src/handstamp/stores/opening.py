"""
SQLite as it is used here: a file opened with no trust in it, a vault written with settings of ours, failures in our own words.
"""

import sqlite3
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from handstamp.errors import HandstampError, StoreUnreachable, VaultCorrupt, VaultError, VaultLocked, hint
from handstamp.protocol.text import safe

__all__ = ["APPLICATION_ID", "connect", "settle", "translated"]

APPLICATION_ID = 0x48535456
"""`HSTV` in the file's header: how a vault is told from another program's database."""

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

_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_TOOBIG,
}
_CONTENTION = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


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


def settle(connection: sqlite3.Connection) -> None:
    """Writes nothing to a vault that has these settings already."""
    for setting in _SETTINGS:
        connection.execute(setting).close()
    ((mode,),) = connection.execute("PRAGMA journal_mode").fetchall()
    if mode != "wal":
        raise VaultError(f"SQLite gives journal mode {mode} here: expected wal, which needs a local disk.")


@contextmanager
def translated(path: Path, patience: float) -> Generator[None, None, None]:
    """Raises a VaultError in place of what SQLite and the system raise over the vault at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, path, patience) from error
    except (OverflowError, UnicodeDecodeError):
        # A number beyond SQLite's, or an error of SQLite's whose own words quote bytes that are no text.
        raise VaultCorrupt(f"{path} is damaged: something in it is no number or no text.", hint=_move_aside(path)) from None
    except OSError as error:
        raise StoreUnreachable(f"{path} cannot be written: {error.strerror}.") from error


def _translate(error: sqlite3.Error, path: Path, patience: float) -> HandstampError:
    # The low byte is the primary code, the rest says more about it.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _CONTENTION:
        return VaultLocked(f"{path} was in use by another program for more than {patience:g} seconds.")
    if code in _DAMAGE and not isinstance(error, sqlite3.ProgrammingError):
        return VaultCorrupt(f"{path} is damaged: {safe(str(error))}.", hint=_move_aside(path))
    return StoreUnreachable(f"{path} cannot be used: {safe(str(error))}.")


def _move_aside(path: Path) -> str:
    return hint("move_aside", path=str(path))
