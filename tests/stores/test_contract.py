"""The stores that there are, each held to the contract. A third one is one more class."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from handstamp.stores.memory import MemoryStore
from handstamp.stores.sqlite import SqliteStore
from stores.contract import DurableContract, StoreContract
from stores.fakes import open_store


@dataclass(frozen=True, slots=True)
class InMemory:
    """One process, one store."""

    program: str = ""
    _store: MemoryStore = field(default_factory=MemoryStore)

    def open(self) -> MemoryStore:
        return self._store


@dataclass(frozen=True, slots=True)
class InDirectory:
    """A vault's."""

    directory: Path

    @property
    def program(self) -> str:
        return f"store = open_store(Path({str(self.directory)!r}))\n"

    def open(self) -> SqliteStore:
        return open_store(self.directory)


class TestMemory(StoreContract):
    @pytest.fixture
    def place(self) -> InMemory:
        return InMemory()


class TestSqlite(DurableContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> InDirectory:
        return InDirectory(tmp_path / "state")
