"""How a person wants the terminal app: the table `[app]`."""

from dataclasses import dataclass

from handstamp.errors import SettingsError
from handstamp.settings.table import Table

__all__ = ["APP_KEYS", "DEFAULT_APP", "AppSettings", "parse_app"]

APP_KEYS = ("theme", "keys")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What is not said is as the app has it. Which actions and themes there are, the app alone knows: it judges the names."""

    theme: str | None = None
    keys: tuple[tuple[str, str], ...] = ()
    """The id of an action, and its keys, separated by commas."""


DEFAULT_APP = AppSettings()


def parse_app(top: Table) -> AppSettings:
    """Raises SettingsError with file and place."""
    table = top.below("app", APP_KEYS)
    return AppSettings(table.text("theme"), _parse_keys(table))


def _parse_keys(table: Table) -> tuple[tuple[str, str], ...]:
    keys: list[tuple[str, str]] = []
    for name, value in table.table("keys").items():
        if not isinstance(value, str) or not all(each.strip() for each in value.split(",")):
            raise SettingsError(f"Expected keys separated by commas at [app.keys] {name!r} in {table.path}, got {value!r}.")
        keys.append((name, value))
    return tuple(keys)
