"""
A network of a test's own, in which any address is this machine's: a program that runs inside of it, and says in JSON what it saw.

Linux lets everybody have one (`unshare`), unless a machine's kernel forbids it; then the test is skipped and says so, but where
`HANDSTAMP_REQUIRE=all` it fails. Nothing of the real network is to be seen there, and nobody outside sees what happens inside.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import KEY, PYTHON_PATH
from requires import missing, require

__all__ = ["run_inside"]

PATIENCE = 50.0


def run_inside(program: Path, *arguments: object) -> dict[str, Any]:
    """What the program printed. Fails with its complaints unless it ended well."""
    enter = [require("unshare"), "--user", "--map-root-user", "--net", "--mount", "--"]
    require("ip")
    require("mount")
    refused = subprocess.run([*enter, "true"], capture_output=True, text=True, check=False, timeout=PATIENCE)
    if refused.returncode != 0:
        missing(f"this machine allows no network of one's own: {refused.stderr.strip()}")
    # -I would hide the tests' modules; the environment is written here instead.
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": PYTHON_PATH,
        "PYTHONWARNINGS": "error",
        "HANDSTAMP_KEY": KEY,
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        [*enter, sys.executable, str(program), *map(str, arguments)],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if done.returncode != 0:
        pytest.fail(done.stderr, pytrace=False)
    said: dict[str, Any] = json.loads(done.stdout)
    return said
