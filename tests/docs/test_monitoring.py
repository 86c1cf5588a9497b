"""The guide to monitoring: what it gives to other programs works there."""

import re
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import replace
from pathlib import Path

import pytest

from command_line import is_accepted
from commands import Home
from fakes import make_grant
from source_tree import REPOSITORY

GUIDE = (REPOSITORY / "docs" / "guides" / "monitoring.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """With `handstamp` in its PATH."""
    home = Home(tmp_path)
    monkeypatch.setenv("HANDSTAMP_KEY", home.environ["HANDSTAMP_KEY"])
    program = tmp_path / "bin" / "handstamp"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m handstamp "$@"\n')
    program.chmod(0o755)
    home.environ["PATH"] = f"{program.parent}:{home.environ['PATH']}"
    return home


def refuse(home: Home) -> None:
    """There is a sign-in, and its server renews it no more."""
    with home.vault() as vault:
        vault._parts.store.save_grant(replace(make_grant(), refused="fingerprint"))


def run(home: Home, script: str) -> tuple[int, str]:
    ran = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=home.environ, timeout=30)
    return ran.returncode, ran.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_nagios_is_told_in_its_own_numbers_and_on_its_first_line(home: Home) -> None:
    script = blocks("sh")[0]

    well = run(home, script)
    refuse(home)
    bad = run(home, script)

    assert well == (0, "OK: all signed in\n")
    assert bad[0] == 2
    assert bad[1].splitlines() == [
        "https://mcp.example/mcp   ○ needs login   The server no longer accepts the stored sign-in.",
        "hint: handstamp login https://mcp.example/mcp",
    ]


def test_cron_and_systemd_are_given_commands_that_there_are() -> None:
    service, timer = (ConfigParser(interpolation=None, strict=True) for _ in range(2))
    for parser, text in zip((service, timer), blocks("ini"), strict=True):
        parser.read_string(text)
    [cron] = [line for block in blocks("text") for line in block.splitlines() if "handstamp" in line]

    commands = [service["Service"]["ExecStart"].removeprefix("/usr/bin/env "), cron.partition("  ")[2]]

    assert commands == ["handstamp status --check"] * 2
    assert is_accepted(commands[0])
    assert (service["Service"]["SuccessExitStatus"], timer["Install"]["WantedBy"]) == ("3", "timers.target")
