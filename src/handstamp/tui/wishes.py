"""What `[app]` in `servers.toml` asks for, judged: the keys of actions and the name of a theme."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from textual.keys import _character_to_key as key_of  # pyright: ignore[reportPrivateUsage]

from handstamp.errors import SettingsError
from handstamp.settings import AppSettings
from handstamp.tui.actions import ACTIONS

__all__ = ["choose_theme", "map_keys"]


def map_keys(wishes: AppSettings, path: Path) -> Mapping[str, str]:
    """Each action's keys by its id, as Textual takes them. Raises SettingsError for an unknown action, and for a key of two."""
    wanted = dict(wishes.keys)
    known = {each.id: each.keys for each in ACTIONS}
    for name in wanted:
        if name not in known:
            raise SettingsError(f"Expected one of {', '.join(known)} at [app.keys] in {path}, got {name!r}.")
    mapped = {name: _names(wanted.get(name, keys)) for name, keys in known.items()}
    owners: dict[str, str] = {}
    for name, keys in mapped.items():
        for key in keys:
            other = owners.setdefault(key, name)
            if other != name:
                raise SettingsError(
                    f"Expected a key of its own for each action at [app.keys] in {path}, got {key} for {other} and {name}."
                )
    return {name: ",".join(keys) for name, keys in mapped.items()}


def choose_theme(wishes: AppSettings, themes: Iterable[str], default: str, path: Path) -> str:
    """The name of a theme that there is. Raises SettingsError."""
    if wishes.theme is None:
        return default
    known = sorted(themes)
    if wishes.theme not in known:
        raise SettingsError(f"Expected theme at [app] in {path} to be one of {', '.join(known)}, got {wishes.theme!r}.")
    return wishes.theme


def _names(keys: str) -> list[str]:
    return [key_of(each) if len(each) == 1 else each for each in (part.strip() for part in keys.split(","))]
