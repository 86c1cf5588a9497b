"""Key providers that a test holds in its hand."""

from pathlib import Path

from handstamp.errors import KeyUnavailable
from handstamp.stores.sqlite import SqliteStore

KEY_A = bytes(range(32))
KEY_B = bytes(range(1, 33))


class HeldKey:
    """A provider that works; `key` is None where it holds none yet."""

    def __init__(self, key: bytes | None = KEY_A, *, name: str = "environment", available: bool = True) -> None:
        self.name = name
        self.key = key
        self.available = available
        self.place = ""
        self.loads = 0

    def describe(self) -> str:
        return f"the test's {self.name}"

    def is_available(self) -> bool:
        return self.available

    def load(self) -> bytes | None:
        self.loads += 1
        return self.key

    def create(self) -> bytes:
        self.key = KEY_A
        return self.key

    def at(self, place: str) -> "HeldKey":
        raise KeyUnavailable("The test's provider has one place.")

    def renew(self) -> "HeldKey":
        raise KeyUnavailable("The test's provider has one place.")

    def discard(self) -> None:
        self.key = None


class SilentKey:
    """A provider that is set up and does not answer."""

    name: str = "keychain"
    place: str = ""

    def describe(self) -> str:
        return "the system keychain"

    def is_available(self) -> bool:
        raise KeyUnavailable("The system keychain did not answer within 3 seconds.")

    def load(self) -> bytes | None:
        raise KeyUnavailable("The system keychain did not answer within 3 seconds.")

    def create(self) -> bytes:
        raise KeyUnavailable("The system keychain did not answer within 3 seconds.")

    def at(self, place: str) -> "SilentKey":
        return self

    def renew(self) -> "SilentKey":
        return self

    def discard(self) -> None:
        raise KeyUnavailable("The system keychain did not answer within 3 seconds.")


def open_store(directory: Path, *, patience: float = 5.0) -> SqliteStore:
    return SqliteStore(directory, [HeldKey()], patience=patience)
