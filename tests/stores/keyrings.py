"""Keychains that a test holds in its hand."""

from threading import Event
from typing import Any, cast

import keyring.backends.fail
import keyring.backends.null
import keyring.errors
from keyring.backend import KeyringBackend

# keyring's own two, which it takes where there is nothing better. Its classes are only partly typed.
NoKeychain = cast("type[KeyringBackend]", keyring.backends.fail.Keyring)
NullKeychain = cast("type[KeyringBackend]", keyring.backends.null.Keyring)


class WorkingKeychain(KeyringBackend):
    """Keeps items, and counts how often one is written."""

    priority: Any = 5

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], str] = {}
        self.writes = 0

    def get_password(self, service: str, username: str) -> str | None:
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.writes += 1
        self.items[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.items[service, username]


class UndeletableKeychain(WorkingKeychain):
    """Lets nobody delete an item until the test says so."""

    is_open = False

    def delete_password(self, service: str, username: str) -> None:
        if not self.is_open:
            raise keyring.errors.KeyringLocked("locked")
        super().delete_password(service, username)


class Chosen:
    """Whichever backend a test puts in. keyring finds it by name, as one that a person chose: `stores.keyrings.CHOSEN`."""

    priority = 5

    def __init__(self) -> None:
        self.backend: KeyringBackend = WorkingKeychain()

    def __call__(self) -> KeyringBackend:
        return self.backend


CHOSEN = Chosen()


class PlainTextKeychain(WorkingKeychain):
    """What keyring itself does not recommend: as its alternative backends that write plain files."""

    priority = 0.5


class ForgetfulKeychain(WorkingKeychain):
    """Takes everything and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        self.writes += 1


class FailingKeychain(WorkingKeychain):
    """Raises what it is told to."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self.failure = failure

    def get_password(self, service: str, username: str) -> str | None:
        raise self.failure


class UnwritableKeychain(WorkingKeychain):
    """Shows what it was given in its error, as some system libraries may."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.PasswordSetError(f"cannot store {password}")


class HangingKeychain(WorkingKeychain):
    """Waits for a person who never comes, until the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.person_came = Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.person_came.wait()
        return None
