"""One table of `servers.toml`, read with errors that name file, table and key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from handstamp.errors import SettingsError, UsageError
from handstamp.protocol.client_document import require_document_url
from handstamp.protocol.text import safe
from handstamp.protocol.urls import require_secure
from handstamp.settings.values import RESERVED, require_command, require_directory, require_header, require_variable

__all__ = ["Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """One TOML table, read with errors that name file, table and key."""

    path: Path
    name: str
    values: Mapping[str, object]
    known: tuple[str, ...]

    def __post_init__(self) -> None:
        for key in self.values:
            if key not in self.known:
                raise self._error(key, f"one of {', '.join(self.known)}", f"the key {key!r}")

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self._error(key, "a string", type(value).__name__)
        return value

    def required_text(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise self._error(key, "a string", "nothing")
        return value

    def address(self, key: str, *, near: str) -> str | None:
        value = self.text(key)
        return None if value is None else require_secure(value, key, near=near)

    def document(self, key: str) -> str | None:
        value = self.text(key)
        return None if value is None else require_document_url(value)

    def place(self, key: str, *, or_vault: bool = False) -> str | None:
        """Where a secret is. Never the secret itself: a value that looks like one is not echoed."""
        value = self.text(key)
        if value is None or (or_vault and value == "vault") or value.startswith(("env:", "file:")):
            return value
        places = "env:NAME, file:PATH or vault" if or_vault else "env:NAME or file:PATH"
        raise UsageError(f"Expected {key} to be {places}, got something else.")

    def required_place(self, key: str) -> str:
        self.required_text(key)
        return self.place(key) or ""

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        value = self.text(key)
        if value is not None and value not in choices:
            raise self._error(key, f"one of {', '.join(choices)}", repr(value))
        return value

    def choices(self, key: str, choices: tuple[str, ...]) -> tuple[str, ...]:
        values = self.strings(key) or ()
        for value in values:
            if value not in choices:
                raise self._error(key, f"some of {', '.join(choices)}", repr(value))
        return values

    def below(self, key: str, known: tuple[str, ...]) -> "Table":
        return Table(self.path, f"{self.name}.{key}" if self.name else key, self.table(key), known)

    def flag(self, key: str) -> bool | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self._error(key, "true or false", type(value).__name__)
        return value

    def strings(self, key: str) -> tuple[str, ...] | None:
        value = self.values.get(key)
        if value is None:
            return None
        actual = type(value).__name__
        items = cast("list[object]", value) if isinstance(value, list) else [None]
        strings = tuple(item for item in items if isinstance(item, str))
        if len(strings) != len(items):
            raise self._error(key, "a list of strings", actual)
        return strings

    def port(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535):
            raise self._error(key, "a port from 1 to 65535", repr(value))
        return value

    def table(self, key: str) -> dict[str, object]:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self._error(key, "a table", type(value).__name__)
        return cast("dict[str, object]", value)

    def headers(self, key: str = "headers", *, reserved: Sequence[str] = RESERVED) -> tuple[tuple[str, str], ...]:
        return tuple((name, require_header(name, value, reserved=reserved)) for name, value in self.table(key).items())

    def environment(self, key: str) -> tuple[tuple[str, str], ...]:
        return tuple((name, require_variable(name, value)) for name, value in self.table(key).items())

    def command(self, key: str) -> tuple[str, ...]:
        arguments = self.strings(key)
        return () if arguments is None else require_command(arguments)

    def directory(self, key: str) -> str | None:
        value = self.text(key)
        return None if value is None else require_directory(value, key)

    def _error(self, key: str, expected: str, actual: str) -> SettingsError:
        place = f"[{self.name}] {safe(key)}" if self.name else safe(key)
        return SettingsError(f"Expected {expected} at {place} in {self.path}, got {actual}.")
