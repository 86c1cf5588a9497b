"""
Grants in `vault.db`: durable, sealed, shared by every process of yours.

Names (owner, server, account, issuer) are columns in the clear, so that they can be searched; all else is sealed and bound to its
row. Nothing is opened before it is needed, and only a write makes a vault.

A generation never comes back: a grant that is made anew after `forget_grant` counts on from the highest that was forgotten. Else
a refresh that began before a logout could find its old number again and overwrite the new login.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from handstamp.errors import StoreUnreachable, VaultCorrupt, VaultLocked, account_hint, forgetting_values, hint
from handstamp.model import Grant, GrantKey, Registration, Secret
from handstamp.ports import KeyProvider
from handstamp.stores.database import Database, Row
from handstamp.stores.locks import KernelLock
from handstamp.stores.migrations import check_schema, create_header, judge_schema, migrate
from handstamp.stores.pinning import HEADER, PinnedKey, PinnedKeys, Rows, choose_key, header_of
from handstamp.stores.records import (
    decode_grant,
    decode_registration,
    encode_grant,
    encode_registration,
)
from handstamp.stores.sealing import bind, seal, unseal

if TYPE_CHECKING:
    from handstamp.stores.rekeying import Allow, Rekeyed, Report

__all__ = ["SqliteStore"]

# The key of the same moment as the rows: a sibling may rekey the vault between two questions.
_PIN = "(SELECT key_provider FROM header LIMIT 1), (SELECT key_check FROM header LIMIT 1)"
_GRANT_COLUMNS = f"owner, server, account, issuer, generation, sealed, {_PIN}"
# SQLite keeps a BLOB in a TEXT column. Such a row is none of ours, and has no name by which anybody could ask for it.
_NAMED = "typeof(server) = 'text' AND typeof(account) = 'text' AND typeof(issuer) = 'text'"
_ONE_GRANT = "owner = ? AND server = ? AND account = ? AND issuer = ?"


def _say_nothing(*words: object) -> None:
    """A library does not talk; programs hand in what does."""


class SqliteStore:
    """
    A `GrantStore` in `directory`. Safe to call from many threads, tasks and processes, and after a fork.

    `providers` is walked anew each time, in the order of preference. `announce` gets one line when a vault is made.
    `patience` is how many seconds a call waits for another's transaction before it raises VaultLocked.
    """

    def __init__(
        self,
        directory: Path,
        providers: Iterable[KeyProvider],
        *,
        announce: Callable[[str], None] = _say_nothing,
        patience: float = 5.0,
    ) -> None:
        self._directory = directory
        self._providers = providers
        self._announce = announce
        self._database = Database(directory, judge=self._judge, admit=self._admit, build=self._build, patience=patience)
        self._keys = PinnedKeys(providers)

    def prepare(self) -> None:
        """Opens the vault, made now where there is none: a login that cannot be kept fails before the browser opens."""
        if self._database.prepare():
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
        if not self._look():
            raise StoreUnreachable(f"There is no vault at {self._database.path} yet, and so no key to replace.")
        with KernelLock(self._directory / "locks" / "vault.lock", wait=False) as is_held:
            if not is_held:
                raise VaultLocked(f"Another program gives {self._database.path} a new key at this moment.")
            from handstamp.stores.rekeying import Rekeying

            rekeying = Rekeying(self._directory, self._database, self._providers, self._keys, self._look)
            return rekeying.run(provider, allow, report)

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        if issuer is None:
            rows, pinned = self._read(
                f"SELECT {_GRANT_COLUMNS} FROM grants WHERE owner = ? AND server = ? AND account = ?"
                " ORDER BY granted_at DESC, rowid DESC LIMIT 1",
                (owner, server, account),
            )
        else:
            rows, pinned = self._read(f"SELECT {_GRANT_COLUMNS} FROM grants WHERE {_ONE_GRANT}", (owner, server, account, issuer))
        return self._open_grant(pinned, rows[0]) if pinned else None

    def list_keys(self, owner: str) -> list[GrantKey]:
        rows = self._database.read(
            f"SELECT owner, server, account, issuer FROM grants WHERE owner = ? AND {_NAMED} ORDER BY server, account, issuer",
            (owner,),
        )
        return [GrantKey(*row) for row in rows]

    def list_grants(self, owner: str) -> list[Grant]:
        rows, pinned = self._read(
            f"SELECT {_GRANT_COLUMNS} FROM grants WHERE owner = ? AND {_NAMED} ORDER BY server, account, issuer", (owner,)
        )
        return [grant for row in rows if pinned and (grant := self._open_intact(pinned, row)) is not None]

    def save_grant(self, grant: Grant) -> Grant:
        with self._writing() as connection:
            return self._write_grant(connection, grant, _generation(connection, grant.key) or _highest_forgotten(connection))

    def replace_grant(self, grant: Grant) -> Grant | None:
        with self._writing() as connection:
            if _generation(connection, grant.key) != grant.generation:
                return None
            return self._write_grant(connection, grant, grant.generation)

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
        rows, pinned = self._read(f"SELECT sealed, {_PIN} FROM registrations WHERE owner = ? AND issuer = ?", (owner, issuer))
        return decode_registration(self._unseal(pinned, rows[0][0], "registrations", owner, issuer)) if pinned else None

    def save_registration(self, owner: str, registration: Registration) -> None:
        with self._writing() as connection:
            sealed = self._seal(connection, encode_registration(registration), "registrations", owner, registration.issuer)
            connection.execute(
                "INSERT INTO registrations (owner, issuer, sealed) VALUES (?, ?, ?)"
                " ON CONFLICT (owner, issuer) DO UPDATE SET sealed = excluded.sealed",
                (owner, registration.issuer, sealed),
            )

    def forget_registration(self, owner: str, issuer: str) -> None:
        with self._erasing() as connection:
            if connection is not None:
                connection.execute("DELETE FROM registrations WHERE owner = ? AND issuer = ?", (owner, issuer))

    def find_client_secret(self, owner: str, server: str, client_id: str) -> Secret | None:
        rows, pinned = self._read(
            f"SELECT sealed, {_PIN} FROM client_secrets WHERE owner = ? AND server = ? AND client_id = ?",
            (owner, server, client_id),
        )
        if pinned is None:
            return None
        return Secret(self._unseal(pinned, rows[0][0], "client_secrets", owner, server, client_id).decode())

    def save_client_secret(self, owner: str, server: str, client_id: str, secret: Secret) -> None:
        with self._writing() as connection:
            sealed = self._seal(connection, secret.reveal().encode(), "client_secrets", owner, server, client_id)
            connection.execute(
                "INSERT INTO client_secrets (owner, server, client_id, sealed) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (owner, server, client_id) DO UPDATE SET sealed = excluded.sealed",
                (owner, server, client_id, sealed),
            )

    def forget_client_secrets(self, owner: str, server: str) -> None:
        with self._erasing() as connection:
            if connection is not None:
                connection.execute("DELETE FROM client_secrets WHERE owner = ? AND server = ?", (owner, server))

    def data_version(self) -> int:
        """Differs after any write: of another process, another thread, or this one. 0 until there is a vault."""
        return self._database.version()

    def lock(self, key: GrantKey, *, wait: bool = True) -> AbstractContextManager[bool]:
        # Hashed: a name may hold `../`, a NUL, or be too long for a file (TG21).
        name = sha256(bind("lock", *_columns(key))).hexdigest()
        return KernelLock(self._directory / "locks" / f"{name}.lock", wait=wait)

    def close(self) -> None:
        """Closes the files. A later call simply opens them anew."""
        self._database.close()

    def _judge(self, connection: sqlite3.Connection) -> None:
        judge_schema(connection, self._database.path)

    def _admit(self, connection: sqlite3.Connection) -> None:
        migrate(connection, self._database.path)
        # A provider is asked when the first connection of the process opens, and on the way of a request only after a rekey.
        self._keys.unlock(header_of(connection))

    def _build(self, connection: sqlite3.Connection) -> None:
        pinned = choose_key(self._providers)
        check = pinned.make_check()
        self._keys.keep(check, pinned)
        connection.execute("BEGIN IMMEDIATE")
        create_header(connection)
        connection.execute("INSERT INTO header VALUES (0, ?, ?, 0)", (pinned.pin, check))
        connection.execute("COMMIT")
        migrate(connection, self._database.path)

    def _read(self, question: str, values: Sequence[object]) -> tuple[Rows, PinnedKey | None]:
        """Rows that end in `_PIN`, and the key that they are sealed with; None where there are none."""
        return self._keys.unlock(lambda: self._database.read(question, values))

    def _look(self) -> Rows:
        return self._database.read(HEADER)

    def _pin(self) -> PinnedKey:
        """The key of now."""
        _, pinned = self._keys.unlock(self._look)
        if pinned is None:
            raise StoreUnreachable(f"{self._database.path} is gone: it was there a moment ago.")
        return pinned

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        self.prepare()
        # Before the transaction: a new key may have to be asked for, and meanwhile nobody else could write.
        self._pin()
        with forgetting_values(), self._database.writing() as connection:
            # A newer program may have migrated the vault since this one opened it (TG19).
            check_schema(connection, self._database.path)
            yield connection

    @contextmanager
    def _erasing(self, again: str | None = None) -> Generator[sqlite3.Connection | None, None, None]:
        """Gives None where there is no vault. Afterwards no file holds what was deleted, nor what an earlier call left."""
        if not self._database.read("SELECT 1 FROM header"):
            yield None
            return
        with self._writing() as connection:
            yield connection
        if not self._database.erase_log():
            log = f"{self._database.path.name}-wal"
            raise VaultLocked(
                f"It is forgotten, but another program reads the vault: its sealed bytes are still in {log}.", hint=again
            )

    def _write_grant(self, connection: sqlite3.Connection, grant: Grant, generation: int) -> Grant:
        place = _columns(grant.key)
        payload = encode_grant(grant)
        sealed = self._seal(connection, payload, "grants", *place, generation + 1)
        connection.execute(
            "INSERT INTO grants (owner, server, account, issuer, generation, granted_at, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (owner, server, account, issuer) DO UPDATE SET"
            " generation = excluded.generation, granted_at = excluded.granted_at, sealed = excluded.sealed",
            (*place, generation + 1, grant.granted_at, sealed),
        )
        # What the next reader will find, which is not all that was handed in (W12).
        return decode_grant(grant.key, generation + 1, payload)

    def _open_intact(self, pinned: PinnedKey, row: Row) -> Grant | None:
        """One damaged row is no reason to hide its neighbours."""
        try:
            return self._open_grant(pinned, row)
        except VaultCorrupt:
            return None

    @forgetting_values()
    def _open_grant(self, pinned: PinnedKey, row: Row) -> Grant:
        owner, server, account, issuer, generation, sealed, *_ = row
        try:
            payload = unseal(pinned.key, bind("grants", owner, server, account, issuer, generation), sealed)
            return decode_grant(GrantKey(owner, server, account, issuer), generation, payload)
        except (VaultCorrupt, TypeError) as error:
            raise VaultCorrupt(
                f"The grant for {server} in {self._database.path} is not what was written there.",
                hint=account_hint("logout", server=server, account=account),
            ) from error

    def _seal(self, connection: sqlite3.Connection, payload: bytes, table: str, *place: str | int) -> bytes:
        """With the key of the transaction."""
        _, pinned = self._keys.unlock(header_of(connection))
        if pinned is None:
            raise VaultCorrupt(f"{self._database.path} has no header.", hint=hint("move_aside", path=str(self._database.path)))
        return seal(pinned.key, bind(table, *place), payload)

    @forgetting_values()
    def _unseal(self, pinned: PinnedKey, sealed: bytes, table: str, *place: str | int) -> bytes:
        try:
            return unseal(pinned.key, bind(table, *place), sealed)
        except VaultCorrupt as error:
            path = self._database.path
            raise VaultCorrupt(
                f"A row of {table} in {path} is not what was written there.", hint=hint("move_aside", path=str(path))
            ) from error


def _columns(key: GrantKey) -> tuple[str, str, str, str]:
    return key.owner, key.server, key.account, key.issuer


def _generation(connection: sqlite3.Connection, key: GrantKey) -> int | None:
    # Cast: a damaged row must not keep anybody from forgetting it, nor from signing in over it.
    rows = connection.execute(f"SELECT CAST(generation AS INTEGER) FROM grants WHERE {_ONE_GRANT}", _columns(key)).fetchall()
    return rows[0][0] if rows else None


def _highest_forgotten(connection: sqlite3.Connection) -> int:
    highest: int = connection.execute("SELECT CAST(highest_forgotten AS INTEGER) FROM header").fetchall()[0][0]
    return highest
