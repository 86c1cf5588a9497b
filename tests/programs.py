"""Programs of the documentation, run as their reader runs them: a process of its own, in a home that is thrown away."""

import subprocess
import sys
from pathlib import Path

import pytest

from authority import FormBrowser
from commands import KEY, Home
from handstamp.vault import Vault

__all__ = ["run_program", "sign_in"]


def sign_in(home: Home, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `handstamp login` does, without a process."""
    monkeypatch.setenv("HANDSTAMP_KEY", KEY)
    with Vault.open(state=home.state, config=home.config) as vault:
        vault.sync.login(url, browser=FormBrowser())


def run_program(home: Home, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS`. Warnings are errors there."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=home.environ,
        cwd=home.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=50,
    )
