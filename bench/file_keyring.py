"""
A keychain for `keyring` that is a file, since a benchmark cannot count on a real one.

It costs what finding, importing and asking `keyring` costs; a real Secret Service adds its bus, macOS and Windows a system call.
"""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.compat import properties

__all__ = ["VARIABLE", "FileKeyring"]

VARIABLE = "BENCH_KEYRING_FILE"


class FileKeyring(KeyringBackend):
    @properties.classproperty
    def priority(self) -> float:
        return 5

    def get_password(self, service: str, username: str) -> str | None:
        found = self._read().get(f"{service}/{username}")
        return found if isinstance(found, str) else None

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path.write_text(json.dumps(self._read() | {f"{service}/{username}": password}), "utf-8")

    @property
    def _path(self) -> Path:
        return Path(os.environ[VARIABLE])

    def _read(self) -> dict[str, object]:
        return json.loads(self._path.read_text("utf-8")) if self._path.exists() else {}
