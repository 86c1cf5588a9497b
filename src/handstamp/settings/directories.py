"""Where `servers.toml` and the vault are: from the environment, or the platform's places."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from handstamp.errors import SettingsError

__all__ = ["Directory", "config_directory", "state_directory"]


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory, and which setting it came from."""

    path: Path
    origin: str


def config_directory() -> Directory:
    """Where `servers.toml` is: HANDSTAMP_CONFIG_DIR, else XDG_CONFIG_HOME/handstamp, else the platform's place."""
    return _directory("HANDSTAMP_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "user_config_path")


def state_directory() -> Directory:
    """Where the vault is: HANDSTAMP_STATE_DIR, else XDG_STATE_HOME/handstamp, else the platform's place."""
    return _directory("HANDSTAMP_STATE_DIR", "XDG_STATE_HOME", ".local/state", "user_state_path")


def _directory(variable: str, xdg: str, default: str, platform_function: str) -> Directory:
    if value := os.environ.get(variable):
        return Directory(_absolute(variable, value), variable)
    if sys.platform in ("darwin", "win32"):
        import platformdirs

        path = cast("Path", getattr(platformdirs, platform_function)("handstamp", appauthor=False))
        return Directory(path, "platform")
    # The XDG specification: a relative value is ignored.
    if (value := os.environ.get(xdg, "")).startswith("/"):
        return Directory(Path(value) / "handstamp", xdg)
    return Directory(Path.home() / default / "handstamp", "default")


def _absolute(variable: str, value: str) -> Path:
    path = Path(value)
    if not path.is_absolute():
        raise SettingsError(f"Expected an absolute path in {variable}, got {value!r}.")
    return path
