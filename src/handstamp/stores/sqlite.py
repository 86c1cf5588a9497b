"""
Grants in `vault.db`: durable, sealed, shared by every process of yours.

Names (owner, server, account, issuer) are columns in the clear, so that they can be searched; all else is sealed and bound to its
row. Nothing is opened before it is needed, and only a write makes a vault.

A generation never comes back: a grant that is made anew after `forget_grant` counts on from the highest that was forgotten. Else
a refresh that began before a logout could find its old number again and overwrite the new login.

**The header is looked at in each transaction**, of reads and of writes: its schema may be a newer program's by now (TG19), and
its key another one.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from handstamp.errors import StoreUnreachable, VaultCorrupt, VaultLocked, forgetting_values, hint
from handstamp.model import Grant, GrantKey, Registration, Secret
from handstamp.ports import KeyProvider
from handstamp.stores.database import Database
from handstamp.stores.locks import KernelLock
from handstamp.stores.migrations import (
    MIGRATIONS,
    Migration,
    create_header,
    headless,
    judge_schema,
    migrate,
    needs_migration,
    refuse_schema,
)
from handstamp.stores.pinning import PinnedKey, PinnedKeys, choose_key
from handstamp.stores.rows import CLIENT_SECRETS, GRANTS, NAMED, REGISTRATIONS, Row, Rows
from handstamp.stores.sealing import bind
from handstamp.stores.turns import Turns

if TYPE_CHECKING:
    from handstamp.stores.rekeying import Allow, Rekeyed, Report

__all__ = ["SqliteStore"]

_ONE_GRANT = "owner = ? AND server = ? AND account = ? AND issuer = ?"


def _say_nothing(*words: object) -> None:
    """A library does not talk; programs hand in what does."""


class SqliteStore:
    """
    A `GrantStore` in `directory`. Safe to call from many threads, tasks and processes, and after a fork.

    `providers` is walked anew each time, in the order of preference. `announce` gets one line when a vault is made.
    `patience` is how many seconds a call waits for another's transaction before it raises VaultLocked. `migrations` are those of
    this program: tests play a newer one.
    """

    def __init__(
        self,
        directory: Path,
        providers: Iterable[KeyProvider],
        *,
        announce: Callable[[str], None] = _say_nothing,
        patience: float = 5.0,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        self._directory = directory
        self._providers = providers
        self._announce = announce
        self._migrations = migrations
        self.database = Database(directory, judge=self._judge, admit=self._admit, build=self._build, patience=patience)
        self._keys = PinnedKeys(providers)
        self._turns = Turns(directory / "locks", self.database.path)

    def prepare(self) -> None:
        """Opens the vault, made now where there is none: a login that cannot be kept fails before the browser opens."""
        if self.database.prepare():
            self._announce(f"New vault: its key is in {self._pin().description}.")

    def describe_key(self) -> str:
        """For a person, after "key in". Makes the vault where there is none."""
        self.prepare()
        return self._pin().description

    def rekey(self, provider: str | None = None, *, allow: "Allow" = _say_nothing, report: "Report" = _say_nothing) -> "Rekeyed":
        """
        Seals the vault with a new key, at the provider of that name or where the old one is, and deletes the old one.

        Programs that have the vault open go on, unless the new key is one that only you can give them.
        """
        if not self._header():
            raise StoreUnreachable(f"There is no vault at {self.database.path} yet, and so no key to replace.")
        with KernelLock(self._directory / "locks" / "vault.lock", wait=False) as is_held:
            if not is_held:
                raise VaultLocked(f"Another program gives {self.database.path} a new key at this moment.")
            from handstamp.stores.rekeying import Rekeying

            rekeying = Rekeying(self._directory, self.database, self._providers, self._keys, self._header, self._replacing)
            return rekeying.run(provider, allow, report)

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        if issuer is None:
            rows, found = self._read(
                f"{GRANTS} WHERE owner = ? AND server = ? AND account = ? ORDER BY granted_at DESC, rowid DESC LIMIT 1",
                (owner, server, account),
            )
        else:
            rows, found = self._read(f"{GRANTS} WHERE {_ONE_GRANT}", (owner, server, account, issuer))
        return rows.open_grant(found[0]) if found else None

    def list_keys(self, owner: str) -> list[GrantKey]:
        _, found = self._read(
            f"SELECT owner, server, account, issuer FROM grants WHERE owner = ? AND {NAMED} ORDER BY server, account, issuer",
            (owner,),
        )
        return [GrantKey(*row) for row in found]

    def list_grants(self, owner: str) -> list[Grant]:
        rows, found = self._read(f"{GRANTS} WHERE owner = ? AND {NAMED} ORDER BY server, account, issuer", (owner,))
        return [grant for row in found if (grant := _open_intact(rows, row)) is not None]

    def save_grant(self, grant: Grant) -> Grant:
        with self.writing() as (connection, rows):
            generation = _generation(connection, grant.key) or _highest_forgotten(connection)
            return rows.write_grant(connection, grant, generation + 1)

    def replace_grant(self, grant: Grant) -> Grant | None:
        with self.writing() as (connection, rows):
            if _generation(connection, grant.key) != grant.generation:
                return None
            return rows.write_grant(connection, grant, grant.generation + 1)

    def forget_grant(self, key: GrantKey) -> bool:
        with self._erasing(hint("logout", server=key.server)) as connection:
            if connection is None:
                return False
            generation = _generation(connection, key)
            if generation is None:
                return False
            connection.execute("UPDATE header SET highest_forgotten = max(highest_forgotten, ?)", (generation,))
            connection.execute(f"DELETE FROM grants WHERE {_ONE_GRANT}", _columns(key))
            return True

    def find_registration(self, owner: str, issuer: str) -> Registration | None:
        rows, found = self._read(f"{REGISTRATIONS} WHERE owner = ? AND issuer = ?", (owner, issuer))
        return rows.open_registration(found[0]) if found else None

    def save_registration(self, owner: str, registration: Registration) -> None:
        with self.writing() as (connection, rows):
            rows.write_registration(connection, owner, registration)

    def forget_registration(self, owner: str, issuer: str) -> None:
        with self._erasing() as connection:
            if connection is not None:
                connection.execute("DELETE FROM registrations WHERE owner = ? AND issuer = ?", (owner, issuer))

    def find_client_secret(self, owner: str, server: str, client_id: str) -> Secret | None:
        rows, found = self._read(f"{CLIENT_SECRETS} WHERE owner = ? AND server = ? AND client_id = ?", (owner, server, client_id))
        return rows.open_client_secret(found[0]) if found else None

    def save_client_secret(self, owner: str, server: str, client_id: str, secret: Secret) -> None:
        with self.writing() as (connection, rows):
            rows.write_client_secret(connection, owner, server, client_id, secret)

    def forget_client_secrets(self, owner: str, server: str) -> None:
        with self._erasing() as connection:
            if connection is not None:
                connection.execute("DELETE FROM client_secrets WHERE owner = ? AND server = ?", (owner, server))

    def data_version(self) -> int:
        """Differs after any write: of another process, another thread, or this one. 0 until there is a vault."""
        return self.database.version()

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool, None, None]:
        # A migration that is due comes first: within the lock it would wait for us.
        self.database.open()
        with KernelLock(self.lock_path(key), wait=wait) as held:
            if not held:
                yield False
                return
            with self._turns.together(wait=wait) as entered:
                yield entered

    def lock_path(self, key: GrantKey) -> Path:
        """The file of a grant's lock."""
        # Hashed: a name may hold `../`, a NUL, or be too long for a file (TG21).
        name = sha256(bind("lock", *_columns(key))).hexdigest()
        return self._directory / "locks" / f"{name}.lock"

    def alone(self) -> AbstractContextManager[None]:
        """Nobody refreshes meanwhile: waits for those that do. Raises VaultLocked where one of them takes too long."""
        return self._turns.alone()

    def close(self) -> None:
        """Closes the files. A later call simply opens them anew."""
        self.database.close()

    def _judge(self, connection: sqlite3.Connection) -> None:
        judge_schema(connection, self.database.path, self._migrations)

    def _admit(self, connection: sqlite3.Connection) -> None:
        if needs_migration(connection, self.database.path, self._migrations):
            with self.alone():
                migrate(connection, self.database.path, self._migrations)
        self._look(connection)

    def _build(self, connection: sqlite3.Connection) -> None:
        pinned = choose_key(self._providers)
        check = pinned.make_check()
        self._keys.keep(check, pinned)
        connection.execute("BEGIN IMMEDIATE")
        create_header(connection)
        connection.execute("INSERT INTO header VALUES (0, ?, ?, 0)", (pinned.pin, check))
        connection.execute("COMMIT")
        migrate(connection, self.database.path, self._migrations)

    def _look(self, connection: sqlite3.Connection) -> PinnedKey:
        """
        The key by the vault's header, in the transaction in which something is written, or as a connection opens.

        A provider is asked when the first connection of the process opens, and on the way of a request only after a rekey.
        """
        _, pinned = self._keys.unlock(lambda: [self._read_header(connection)])
        if pinned is None:
            raise AssertionError("a header is one row")
        return pinned

    def _read_header(self, connection: sqlite3.Connection) -> Row:
        """The pin and the check."""
        question = "SELECT schema, key_provider, key_check FROM header LIMIT 1"
        rows = connection.execute(question).fetchall()
        if not rows:
            raise headless(self.database.path)
        schema, pin, check = rows[0]
        refuse_schema(schema, self.database.path, len(self._migrations))
        return pin, check

    def _header(self) -> list[Row]:
        """The same of now; nothing where there is no vault."""
        with self.database.reading() as connection:
            return [] if connection is None else [self._read_header(connection)]

    def _pin(self) -> PinnedKey:
        """The key of now."""
        _, pinned = self._keys.unlock(self._header)
        if pinned is None:
            raise StoreUnreachable(f"{self.database.path} is gone: it was there a moment ago.")
        return pinned

    def _read(self, question: str, values: Sequence[object]) -> tuple[Rows, list[Row]]:
        """What is read, and what opens it: with the key of the same moment, as a sibling may rekey the vault in the next."""
        found: list[Row] = []

        def read() -> list[Row]:
            with self.database.reading() as connection:
                if connection is None:
                    return []
                header = self._read_header(connection)
                found[:] = connection.execute(question, values).fetchall()
                return [header]

        _, pinned = self._keys.unlock(read)
        return (_NO_ROWS, []) if pinned is None else (Rows(pinned, self.database.path), found)

    @contextmanager
    def writing(self) -> Generator[tuple[sqlite3.Connection, Rows], None, None]:
        """One short transaction, and what seals and opens its rows."""
        self.prepare()
        # Before the transaction: a new key may have to be asked for, and meanwhile nobody else could write.
        self._pin()
        with forgetting_values(), self.database.writing() as connection:
            yield connection, Rows(self._look(connection), self.database.path)

    @contextmanager
    def _replacing(self) -> Generator[tuple[sqlite3.Connection, PinnedKey], None, None]:
        """The transaction of a rekey, and the key of before: no refresh is under way that would have to wait with its token."""
        with self.alone(), self.writing() as (connection, rows):
            yield connection, rows.pinned

    @contextmanager
    def _erasing(self, again: str | None = None) -> Generator[sqlite3.Connection | None, None, None]:
        """Gives None where there is no vault. Afterwards no file holds what was deleted, nor what an earlier call left."""
        _, found = self._read("SELECT 1 FROM header", ())
        if not found:
            yield None
            return
        with self.writing() as (connection, _):
            yield connection
        if not self.database.erase_log():
            log = f"{self.database.path.name}-wal"
            raise VaultLocked(
                f"It is forgotten, but another program reads the vault: its sealed bytes are still in {log}.", hint=again
            )


_NO_ROWS = Rows(PinnedKey("", "", b""), Path())
"""Of no vault."""


def _open_intact(rows: Rows, row: Row) -> Grant | None:
    """One damaged row is no reason to hide its neighbours."""
    try:
        return rows.open_grant(row)
    except VaultCorrupt:
        return None


def _columns(key: GrantKey) -> tuple[str, str, str, str]:
    return key.owner, key.server, key.account, key.issuer


def _generation(connection: sqlite3.Connection, key: GrantKey) -> int | None:
    # Cast: a damaged row must not keep anybody from forgetting it, nor from signing in over it.
    rows = connection.execute(f"SELECT CAST(generation AS INTEGER) FROM grants WHERE {_ONE_GRANT}", _columns(key)).fetchall()
    return rows[0][0] if rows else None


def _highest_forgotten(connection: sqlite3.Connection) -> int:
    highest: int = connection.execute("SELECT CAST(highest_forgotten AS INTEGER) FROM header").fetchall()[0][0]
    return highest
