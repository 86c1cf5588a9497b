"""
The rows of a vault: names in the clear, all else sealed under its key and bound to its row.

Who reads a vault (`handstamp.stores.sqlite`), looks it through (`handstamp.stores.checking`) or takes one from a backup
(`handstamp.stores.backups`) opens its rows here, and whoever writes one seals it here.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handstamp.errors import VaultCorrupt, account_hint, forgetting_values, hint
from handstamp.model import Grant, GrantKey, Registration, Secret
from handstamp.stores.pinning import PinnedKey
from handstamp.stores.records import decode_grant, decode_registration, encode_grant, encode_registration
from handstamp.stores.sealing import bind, seal, unseal

__all__ = ["CLIENT_SECRETS", "GRANTS", "NAMED", "REGISTRATIONS", "TABLES", "Row", "Rows", "count_rows"]

Row = tuple[Any, ...]

GRANTS = "SELECT owner, server, account, issuer, generation, sealed FROM grants"
REGISTRATIONS = "SELECT owner, issuer, sealed FROM registrations"
CLIENT_SECRETS = "SELECT owner, server, client_id, sealed FROM client_secrets"
NAMED = "typeof(server) = 'text' AND typeof(account) = 'text' AND typeof(issuer) = 'text'"
"""SQLite keeps a BLOB in a TEXT column. Such a row is none of ours, and has no name by which anybody could ask for it."""

TABLES = ("grants", "registrations", "client_secrets")


def count_rows(connection: sqlite3.Connection) -> int:
    """In all of the tables together."""
    return sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES)


@dataclass(frozen=True, slots=True)
class Rows:
    """Seals and opens the rows of the vault at `path`. What does not open raises VaultCorrupt, whatever the row holds."""

    pinned: PinnedKey
    path: Path

    @forgetting_values()
    def open_grant(self, row: Row) -> Grant:
        """A row of `GRANTS`."""
        owner, server, account, issuer, generation, sealed = row
        try:
            payload = unseal(self.pinned.key, bind("grants", owner, server, account, issuer, generation), sealed)
            return decode_grant(GrantKey(owner, server, account, issuer), generation, payload)
        except (VaultCorrupt, TypeError) as error:
            raise VaultCorrupt(
                f"The grant for {server} in {self.path} is not what was written there.",
                hint=account_hint("logout", server=str(server), account=str(account)),
            ) from error

    @forgetting_values()
    def open_registration(self, row: Row) -> Registration:
        """A row of `REGISTRATIONS`."""
        owner, issuer, sealed = row
        return decode_registration(self._open(sealed, "registrations", owner, issuer))

    @forgetting_values()
    def open_client_secret(self, row: Row) -> Secret:
        """A row of `CLIENT_SECRETS`."""
        owner, server, client_id, sealed = row
        return Secret(self._open(sealed, "client_secrets", owner, server, client_id).decode())

    def open_all(self, connection: sqlite3.Connection) -> Iterator[tuple[Row, Grant | Registration | Secret | VaultCorrupt]]:
        """Every row there is, and what it holds; in place of that the error where it does not open."""
        for question, open_row in (
            (GRANTS, self.open_grant),
            (REGISTRATIONS, self.open_registration),
            (CLIENT_SECRETS, self.open_client_secret),
        ):
            for row in connection.execute(question):
                try:
                    yield row, open_row(row)
                except VaultCorrupt as error:
                    yield row, error

    def write_grant(self, connection: sqlite3.Connection, grant: Grant, generation: int) -> Grant:
        """As what it is read from then on, which is not all that was handed in (W12)."""
        key = grant.key
        place = (key.owner, key.server, key.account, key.issuer)
        payload = encode_grant(grant)
        connection.execute(
            "INSERT INTO grants (owner, server, account, issuer, generation, granted_at, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (owner, server, account, issuer) DO UPDATE SET"
            " generation = excluded.generation, granted_at = excluded.granted_at, sealed = excluded.sealed",
            (*place, generation, grant.granted_at, self._seal(payload, "grants", *place, generation)),
        )
        return decode_grant(key, generation, payload)

    def write_registration(self, connection: sqlite3.Connection, owner: str, registration: Registration) -> None:
        sealed = self._seal(encode_registration(registration), "registrations", owner, registration.issuer)
        connection.execute(
            "INSERT INTO registrations (owner, issuer, sealed) VALUES (?, ?, ?)"
            " ON CONFLICT (owner, issuer) DO UPDATE SET sealed = excluded.sealed",
            (owner, registration.issuer, sealed),
        )

    def write_client_secret(
        self, connection: sqlite3.Connection, owner: str, server: str, client_id: str, secret: Secret
    ) -> None:
        sealed = self._seal(secret.reveal().encode(), "client_secrets", owner, server, client_id)
        connection.execute(
            "INSERT INTO client_secrets (owner, server, client_id, sealed) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (owner, server, client_id) DO UPDATE SET sealed = excluded.sealed",
            (owner, server, client_id, sealed),
        )

    def _seal(self, payload: bytes, table: str, *place: str | int) -> bytes:
        return seal(self.pinned.key, bind(table, *place), payload)

    def _open(self, sealed: object, table: str, *place: str) -> bytes:
        try:
            return unseal(self.pinned.key, bind(table, *place), sealed)
        except (VaultCorrupt, TypeError) as error:
            raise VaultCorrupt(
                f"A row of {table} in {self.path} is not what was written there.", hint=hint("move_aside", path=str(self.path))
            ) from error
