"""The README is true: its commands parse, its program runs."""

import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from authority import DemoServers, FormBrowser
from command_line import is_accepted
from handstamp.vault import Vault
from source_tree import REPOSITORY

README = (REPOSITORY / "README.md").read_text("utf-8")
COMMANDS = [line.removeprefix("$ ") for line in re.findall(r"^\$ handstamp .*$", README, re.MULTILINE)]
PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_the_readme_is_one_that_the_program_takes(command: str) -> None:
    assert is_accepted(command)


def test_the_make_targets_in_the_readme_exist() -> None:
    targets = set(re.findall(r"make ([a-z-]+)", README))
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")

    assert targets >= {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def run_program(server_url: str, home: Path) -> subprocess.CompletedProcess[str]:
    (program,) = PROGRAMS
    return subprocess.run(
        [sys.executable, "-c", program.replace("https://mcp.linear.app/mcp", server_url)],
        env={"HANDSTAMP_STATE_DIR": str(home), "HANDSTAMP_CONFIG_DIR": str(home), "HANDSTAMP_KEY": key(), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def key() -> str:
    return b64encode(b"k" * 32).decode()


def test_the_program_in_the_readme_lists_the_tools_of_a_server_that_was_signed_in_to(
    tmp_path: Path, demo_servers: DemoServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDSTAMP_KEY", key())
    with Vault.open(state=tmp_path, config=tmp_path) as vault:
        vault.sync.login(demo_servers.server_url, browser=FormBrowser())

    result = run_program(demo_servers.server_url, tmp_path)

    assert result.stdout.strip() == "['whoami', 'add', 'stamp']", result.stderr


def test_without_a_sign_in_the_program_in_the_readme_says_what_to_run(tmp_path: Path, demo_servers: DemoServers) -> None:
    """Through the SDK's task groups."""
    result = run_program(demo_servers.server_url, tmp_path)

    assert f"handstamp login {demo_servers.server_url}" in result.stdout, result.stderr
