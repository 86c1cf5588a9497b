"""Grants that live as long as the process: for tests, and for programs that sign in anew each time."""

from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

from handstamp.model import Grant, GrantKey, Registration, Secret
from handstamp.stores.records import decode_grant, decode_registration, encode_grant, encode_registration

__all__ = ["MemoryStore"]


class MemoryStore:
    """
    The whole `GrantStore` contract within one process. Safe to call from many threads.

    Keeps what a file would keep: all goes through `records`, which decides that.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._locks: defaultdict[GrantKey, Lock] = defaultdict(Lock)
        self._grants: dict[GrantKey, Grant] = {}
        self._registrations: dict[tuple[str, str], Registration] = {}
        self._client_secrets: dict[tuple[str, str, str], Secret] = {}
        self._version = 0
        self._highest_forgotten = 0

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        with self._guard:
            if issuer is not None:
                return self._grants.get(GrantKey(owner, server, account, issuer))
            found = [
                grant for key, grant in self._grants.items() if (key.owner, key.server, key.account) == (owner, server, account)
            ]
        return max(reversed(found), key=lambda grant: grant.granted_at, default=None)

    def list_keys(self, owner: str) -> list[GrantKey]:
        with self._guard:
            return sorted(key for key in self._grants if key.owner == owner)

    def list_grants(self, owner: str) -> list[Grant]:
        with self._guard:
            return [self._grants[key] for key in sorted(self._grants) if key.owner == owner]

    def save_grant(self, grant: Grant) -> Grant:
        with self._guard:
            stored = self._grants.get(grant.key)
            return self._write(grant, self._highest_forgotten if stored is None else stored.generation)

    def replace_grant(self, grant: Grant) -> Grant | None:
        with self._guard:
            stored = self._grants.get(grant.key)
            if stored is None or stored.generation != grant.generation:
                return None
            return self._write(grant, stored.generation)

    def forget_grant(self, key: GrantKey) -> bool:
        with self._guard:
            gone = self._grants.pop(key, None)
            if gone is None:
                return False
            self._highest_forgotten = max(self._highest_forgotten, gone.generation)
            self._version += 1
            return True

    def find_registration(self, owner: str, issuer: str) -> Registration | None:
        with self._guard:
            return self._registrations.get((owner, issuer))

    def save_registration(self, owner: str, registration: Registration) -> None:
        with self._guard:
            self._registrations[owner, registration.issuer] = decode_registration(encode_registration(registration))
            self._version += 1

    def forget_registration(self, owner: str, issuer: str) -> None:
        with self._guard:
            self._registrations.pop((owner, issuer), None)
            self._version += 1

    def find_client_secret(self, owner: str, server: str, client_id: str) -> Secret | None:
        with self._guard:
            return self._client_secrets.get((owner, server, client_id))

    def save_client_secret(self, owner: str, server: str, client_id: str, secret: Secret) -> None:
        with self._guard:
            self._client_secrets[owner, server, client_id] = secret
            self._version += 1

    def forget_client_secrets(self, owner: str, server: str) -> None:
        with self._guard:
            for place in [place for place in self._client_secrets if place[:2] == (owner, server)]:
                del self._client_secrets[place]
            self._version += 1

    def prepare(self) -> None:
        """Nothing to open."""

    def data_version(self) -> int:
        return self._version

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool, None, None]:
        with self._guard:
            lock = self._locks[key]
        held = lock.acquire(blocking=wait)
        try:
            yield held
        finally:
            if held:
                lock.release()

    def close(self) -> None:
        """Nothing to let go: what was stored can still be read."""

    def _write(self, grant: Grant, generation: int) -> Grant:
        written = decode_grant(grant.key, generation + 1, encode_grant(grant))
        self._grants[grant.key] = written
        self._version += 1
        return written
