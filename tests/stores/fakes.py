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


class SilentKey:
    """A provider that is set up and does not answer."""

    name: str = "keychain"

    def describe(self) -> str:
        return "the system keychain"

    def is_available(self) -> bool:
        raise KeyUnavailable("The system keychain did not answer within 3 seconds.")

    def load(self) -> bytes | None:
        raise KeyUnavailable("The system keychain did not answer within 3 seconds.")

    def create(self) -> bytes:
        raise KeyUnavailable("The system keychain did not answer within 3 seconds.")


def open_store(directory: Path, key: bytes = KEY_A) -> SqliteStore:
    return SqliteStore(directory, [HeldKey(key)])
