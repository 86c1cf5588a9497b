"""What a test needs besides Python: skipped with a reason where it is missing, a failure where nothing may be missing."""

import os
import shutil
from typing import NoReturn

import pytest

__all__ = ["missing", "require"]

COMMANDS = {
    "node": ("node", "nodejs"),
    "npm": ("npm",),
    "unshare": ("unshare",),
    "ip": ("ip",),
    "mount": ("mount",),
    "dbus-run-session": ("dbus-run-session",),
    "gnome-keyring-daemon": ("gnome-keyring-daemon",),
    "tmux": ("tmux",),
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
}


def require(tool: str) -> str:
    """
    The path of `tool`, one of `COMMANDS`; where it is not installed the calling test or module is skipped.

    With `HANDSTAMP_REQUIRE=all`, as continuous integration sets it, a missing tool fails the test: a skip nobody reads hides
    that nothing was tested.
    """
    path = next(filter(None, map(shutil.which, COMMANDS[tool])), None)
    return path or missing(f"{tool} is not installed (looked for {', '.join(COMMANDS[tool])})")


def missing(reason: str) -> NoReturn:
    """Skips the test or the module, or fails where nothing may be missing."""
    if os.environ.get("HANDSTAMP_REQUIRE") == "all":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)
