"""What a test needs besides Python: skipped with a reason where it is missing, a failure where nothing may be missing."""

import os
import shutil

import pytest

__all__ = ["require"]

COMMANDS = {
    "node": ("node", "nodejs"),
    "npm": ("npm",),
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
}


def require(tool: str) -> str:
    """
    The path of `tool`, one of `COMMANDS`; where it is not installed the calling test or module is skipped.

    With `HANDSTAMP_REQUIRE=all`, as continuous integration sets it, a missing tool fails the test: a skip nobody reads hides
    that nothing was tested.
    """
    for command in COMMANDS[tool]:
        if path := shutil.which(command):
            return path
    reason = f"{tool} is not installed (looked for {', '.join(COMMANDS[tool])})"
    if os.environ.get("HANDSTAMP_REQUIRE") == "all":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)
