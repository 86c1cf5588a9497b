"""A vault or a whole machine in a throw-away home, its key in the environment: real SQLite, real HTTP, a real listener."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from handstamp.vault import Vault
from weaknesses.conftest import machine

__all__ = ["machine"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HANDSTAMP_KEY", b64encode(b"k" * 32).decode())
    return tmp_path


@pytest.fixture
def vault(home: Path) -> Iterator[Vault]:
    with Vault.open(state=home / "state", config=home / "config") as opened:
        yield opened
