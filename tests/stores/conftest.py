"""A vault in a directory of its own."""

from collections.abc import Generator
from pathlib import Path

import pytest

from handstamp.stores.sqlite import SqliteStore
from stores.fakes import open_store

pytest.register_assert_rewrite("stores.contract")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(directory: Path) -> Generator[SqliteStore, None, None]:
    opened = open_store(directory)
    yield opened
    opened.close()
