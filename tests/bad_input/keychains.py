"""Keychains for another process, which finds them by name: `PYTHON_KEYRING_BACKEND=bad_input.keychains.Locked`."""

import json
import os
from pathlib import Path
from threading import Event
from typing import Any

import keyring.errors
from keyring.backend import KeyringBackend

__all__ = ["FILE_VARIABLE", "Hanging", "Locked", "Working"]

FILE_VARIABLE = "TEST_KEYCHAIN_FILE"


class Working(KeyringBackend):
    """Keeps its items in the file that a variable names."""

    priority: Any = 5

    def get_password(self, service: str, username: str) -> str | None:
        value: str | None = self._items().get(f"{service} {username}")
        return value

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path().write_text(json.dumps({**self._items(), f"{service} {username}": password}))

    def _items(self) -> dict[str, Any]:
        path = self._path()
        items: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return items

    def _path(self) -> Path:
        return Path(os.environ[FILE_VARIABLE])


class Locked(Working):
    """Nobody is there to unlock it."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("locked")


class Hanging(Working):
    """Waits for a person who never comes."""

    def get_password(self, service: str, username: str) -> str | None:
        Event().wait()
        return None
