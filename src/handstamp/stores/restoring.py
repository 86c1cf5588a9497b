"""
A backup put in place of all that is stored.

Not its file: its rows, sealed anew under the vault's own key, in one transaction of the vault that is there. So a program that
has it open goes on with the same file, and sees the change as it sees every other; a kill leaves the one state or the other; and
no byte of the backup becomes part of the vault but what was opened and judged (TG7). Only a vault that is too damaged for that
is moved aside as a file and made anew; whoever has that open looks at its name before each use.

- What was there is first kept as a copy, under the lock of the transaction: no write falls in between.
- No refresh is under way (`SqliteStore.alone`): what one brings is in the copy.
- Generations count on from the highest of both: what somebody has in mind of an older one is never taken for a restored one.
- **A refresh token from a backup may have been used since (TE15).** Each is marked as a refresh that was begun (`Grant.pending`):
  whoever first uses the grant sends it at once, while the server may still take it, and never after it was refused.
"""

import os
import sqlite3
import time
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from handstamp.errors import VaultCorrupt, VaultError
from handstamp.model import Grant, Pending
from handstamp.renewal import fingerprint
from handstamp.stores.backups import Contents, Progress, write_backup
from handstamp.stores.rows import TABLES, Rows
from handstamp.stores.sqlite import SqliteStore

__all__ = ["restore"]


def restore(store: SqliteStore, contents: Contents, *, now: float, progress: Progress) -> Path | None:
    """
    Puts `contents` in place of all that is stored. Gives the file that keeps what was there; None where there was no vault.

    Raises a VaultError, and then the vault is as it was.
    """
    vault = store.database.path
    is_new = not os.path.lexists(vault)
    is_sound = True
    try:
        # Opened, made or migrated before `alone`, for which a migration would wait.
        store.prepare()
    except VaultCorrupt:
        if is_new:
            raise
        is_sound = False
    with store.alone():
        kept = None if is_new else _find_name(vault, now)
        try:
            if is_sound:
                _replace(store, contents, kept, now, progress)
        except VaultCorrupt:
            if kept is None:
                raise
            kept.unlink(missing_ok=True)
            is_sound = False
        if not is_sound and kept is not None:
            store.database.set_aside(kept)
            _replace(store, contents, None, now, progress)
    return kept


def _find_name(vault: Path, now: float) -> Path:
    """One that is free: two restores may fall into one second."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    names = (vault.with_name(f"{vault.name}.{stamp}{more}") for more in chain([""], (f"-{number}" for number in count(2))))
    return next(name for name in names if not os.path.lexists(name))


def _replace(store: SqliteStore, contents: Contents, kept: Path | None, now: float, progress: Progress) -> None:
    with store.writing() as (connection, rows):
        if kept is not None:
            with store.database.looking() as former:
                assert former is not None  # it was opened a moment ago, and is locked
                write_backup(former, kept, progress)
        _clear(connection, max((grant.generation for grant in contents.grants), default=0))
        _fill(connection, rows, contents, now, progress)
    # What it held is kept in the copy. The restore is done: where a reader or the disk is in the way, the next write does this.
    with suppress(VaultError):
        store.database.erase_log()


def _clear(connection: sqlite3.Connection, least: int) -> None:
    connection.execute(
        "UPDATE header SET highest_forgotten ="
        " max(highest_forgotten, ?, ifnull((SELECT max(CAST(generation AS INTEGER)) FROM grants), 0))",
        (least,),
    )
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")


def _fill(connection: sqlite3.Connection, rows: Rows, contents: Contents, now: float, progress: Progress) -> None:
    ((highest,),) = connection.execute("SELECT highest_forgotten FROM header").fetchall()
    for done, grant in enumerate(contents.grants, start=1):
        rows.write_grant(connection, _to_be_judged(grant, now), highest + 1)
        progress(done, len(contents.grants))
    for owner, registration in contents.registrations:
        rows.write_registration(connection, owner, registration)
    for owner, server, client_id, secret in contents.client_secrets:
        rows.write_client_secret(connection, owner, server, client_id, secret)


def _to_be_judged(grant: Grant, now: float) -> Grant:
    if grant.token.refresh_token is None or not grant.renews or grant.pending is not None:
        return grant
    return replace(grant, pending=Pending(now, fingerprint(grant.token.refresh_token) or ""))
