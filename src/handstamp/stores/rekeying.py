"""
Another key for a vault, in one step that a crash at any moment leaves whole.

1. Where the old key is and where the new one will be is noted in `vault.rekey`.
2. The new key is made and kept in its new place. The old one is where it was, and nothing is ever written over it.
3. One transaction seals every value anew and puts the new pin and check into the header. Before its commit the vault opens with
   the old key, after it with the new one, and both are there. Readers see the one state or the other and are not held up.
4. Of the places in the note, all that the header does not name are emptied, and the note goes.

A kill before the commit leaves a new key that nobody uses, one after it an old key. The next rekey begins with step 4, which
needs to know the note and the header alone. A keychain cannot be asked what it holds; that is why there is a note.

A process that had the vault open meets the new check with its next row, and asks for the new key then
(`handstamp.stores.pinning`).
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handstamp.errors import (
    KeyUnavailable,
    StoreUnreachable,
    VaultCorrupt,
    VaultError,
    VaultLocked,
    account_hint,
    forgetting_values,
    hint,
)
from handstamp.ports import KeyProvider
from handstamp.protocol.text import safe
from handstamp.stores.database import Database
from handstamp.stores.pinning import PinnedKey, PinnedKeys, Rows, find_provider, pin_of
from handstamp.stores.private_files import create_private, open_private, sync_directory
from handstamp.stores.rows import count_rows
from handstamp.stores.sealing import bind, seal, unseal

__all__ = ["NOTE", "SEALED", "Allow", "Rekeyed", "Rekeying", "Report"]

NOTE = "vault.rekey"
LONGEST_NOTE = 64 * 1024
BATCH = 1000
"""Values that are in memory at a time."""

SEALED = {
    "grants": ("owner", "server", "account", "issuer", "generation"),
    "registrations": ("owner", "issuer"),
    "client_secrets": ("owner", "server", "client_id"),
}
"""Each table with a column `sealed`, and the columns to which its value is bound, in their order."""

Allow = Callable[[str, str], None]
"""Is told the provider of the old key and that of the new one before anything is made, and may raise."""

Report = Callable[[int, int], None]
"""Is told how many of how many values are sealed anew."""


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What a rekey did."""

    former: str
    """The provider of the old key."""
    provider: str
    key: str
    """Where the new one is, for a person, after "in"."""
    values: int
    left: tuple[str, ...] = ()
    """Why an old key could not be deleted; the next rekey tries again."""
    is_erased: bool = True
    """Whether no file of the vault holds a value under the old key any more."""


class Rekeying:
    """
    One rekey of the vault in `directory`, whose lock for making and rekeying the caller holds. `look` gives the header of now,
    without a row where there is no vault; `replacing` is a transaction in which nobody refreshes, and the key before it.
    """

    def __init__(
        self,
        directory: Path,
        database: Database,
        providers: Iterable[KeyProvider],
        keys: PinnedKeys,
        look: Callable[[], Rows],
        replacing: Callable[[], AbstractContextManager[tuple[sqlite3.Connection, PinnedKey]]],
    ) -> None:
        self._database = database
        self._providers = providers
        self._keys = keys
        self._look = look
        self._replacing = replacing
        self._note = _Note(directory / NOTE)

    @forgetting_values()
    def run(self, name: str | None, allow: Allow, report: Report) -> Rekeyed:
        """The new key at the provider of that name, or where the old one is. Raises a VaultError, and what `allow` raises."""
        _, old = self._keys.unlock(self._look)
        if old is None:
            raise StoreUnreachable(f"There is no vault in {self._database.path} yet, and so no key to replace.")
        self._sweep()
        allow(old.provider, name or old.provider)
        try:
            new, values = self._replace(old, name or old.provider, report)
        except BaseException:
            with suppress(VaultError):
                self._sweep()
            raise
        # The new key is in force: what fails now is told, and is no failure of the rekey.
        return Rekeyed(old.provider, new.provider, new.description, values, self._tidy(), self._erase())

    def _replace(self, old: PinnedKey, name: str, report: Report) -> tuple[PinnedKey, int]:
        provider = find_provider(self._providers, old.pin if name == old.provider else name).renew()
        # Asked before the note is made: a place that cannot be reached holds nothing of ours that would have to be deleted.
        found = provider.load()
        self._note.add(old.pin, pin_of(provider))
        key = found or provider.create()
        if key == old.key:
            raise KeyUnavailable(
                f"Expected a new key in {provider.describe()}, got the one that the vault is sealed with.", hint=hint("new_key")
            )
        new = PinnedKey(pin_of(provider), provider.describe(), key)
        check = new.make_check()
        with self._replacing() as (connection, current):
            if current is not old:
                raise VaultLocked(f"{self._database.path} was replaced by another vault meanwhile.")
            values = _Resealing(connection, self._database.path, old.key, new.key, report).run()
            connection.execute("UPDATE header SET key_provider = ?, key_check = ?", (new.pin, check))
        self._keys.keep(check, new)
        return new, values

    def _tidy(self) -> tuple[str, ...]:
        try:
            return self._sweep()
        except VaultError as error:
            return (error.message,)

    def _erase(self) -> bool:
        try:
            return self._database.erase_log()
        except VaultError:
            return False

    def _sweep(self) -> tuple[str, ...]:
        """Empties every place of the note that the header does not name. Says why one could not be; then the note stays."""
        pins = self._note.read()
        if not pins or not (header := self._look()):
            return ()
        left: list[str] = []
        for pin in pins:
            if pin != header[0][0]:
                try:
                    find_provider(self._providers, pin).discard()
                except KeyUnavailable as error:
                    left.append(error.message)
        if not left:
            self._note.remove()
        return tuple(left)


class _Resealing:
    """Every value of a vault, in one transaction of the caller's, from one key to another."""

    def __init__(self, connection: sqlite3.Connection, path: Path, old: bytes, new: bytes, report: Report) -> None:
        self._connection = connection
        self._path = path
        self._old = old
        self._new = new
        self._report = report
        self._done = 0

    def run(self) -> int:
        total = count_rows(self._connection)
        for table, columns in SEALED.items():
            last = 0
            while rows := self._read(table, columns, last):
                self._write(table, [self._reseal(table, row) for row in rows])
                last = rows[-1][0]
                self._done += len(rows)
                self._report(self._done, total)
        return self._done

    def _read(self, table: str, columns: Sequence[str], last: int) -> Rows:
        return self._connection.execute(
            f"SELECT rowid, {', '.join(columns)}, sealed FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {BATCH}", (last,)
        ).fetchall()

    def _write(self, table: str, values: Sequence[tuple[bytes, int]]) -> None:
        self._connection.executemany(f"UPDATE {table} SET sealed = ? WHERE rowid = ?", values)

    def _reseal(self, table: str, row: tuple[Any, ...]) -> tuple[bytes, int]:
        """What does not open stays as it is in the whole vault: what a key once closed is not thrown away with the key."""
        number, *place, sealed = row
        try:
            aad = bind(table, *place)
            return seal(self._new, aad, unseal(self._old, aad, sealed)), number
        except (VaultCorrupt, TypeError) as error:
            raise VaultCorrupt(
                f"A row of {table} in {self._path} is not what was written there, so the vault keeps its key.",
                hint=_find_remedy(table, place, self._path),
            ) from error


def _find_remedy(table: str, place: Sequence[object], path: Path) -> str:
    if table != "grants":
        return hint("move_aside", path=str(path))
    _, server, account, *_ = place
    return account_hint("logout", server=safe(str(server)), account=safe(str(account)))


class _Note:
    """Pins, one a line: where keys of unfinished rekeys may be. It says nothing of the keys themselves."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[str]:
        try:
            descriptor = open_private(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return []
        with os.fdopen(descriptor, "rb") as file:
            return [line for line in file.read(LONGEST_NOTE).decode("ascii", "backslashreplace").splitlines() if line]

    def add(self, *pins: str) -> None:
        """On disk when this returns, and never half there."""
        lines = dict.fromkeys((*self.read(), *pins))
        draft = self._path.with_name(self._path.name + ".new")
        try:
            draft.unlink(missing_ok=True)
            create_private(draft, "".join(f"{line}\n" for line in lines).encode("ascii"))
            draft.replace(self._path)
            sync_directory(self._path.parent)
        except OSError as error:
            raise StoreUnreachable(f"{self._path} cannot be written: {error.strerror}.") from error

    def remove(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
