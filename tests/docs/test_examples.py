"""The programs in `examples/`, each against the demo's real servers."""

import json
from pathlib import Path

import pytest

from authority import DemoServers, StartAuthority
from commands import Home
from handstamp.demo.ledger import SECRET_PATTERN
from programs import run_program, sign_in
from source_tree import REPOSITORY
from weaknesses.conftest import machine
from weaknesses.machine import Machine

__all__ = ["machine"]

EXAMPLES = REPOSITORY / "examples"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_each_example_is_run_below() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"events.py", "mcp_sdk.py", "own_presenter.py", "plain_http.py"}


def test_the_sdk_example_lists_the_tools(home: Home, demo_servers: DemoServers, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(home, demo_servers.server_url, monkeypatch)

    ran = run_program(home, EXAMPLES / "mcp_sdk.py", demo_servers.server_url)

    assert (ran.returncode, ran.stdout.split()) == (0, ["whoami", "add", "stamp"]), ran.stderr


def test_the_plain_example_gets_an_answer(home: Home, demo_servers: DemoServers, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(home, demo_servers.server_url, monkeypatch)

    ran = run_program(home, EXAMPLES / "plain_http.py", demo_servers.server_url)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("200 ")


def test_the_events_example_shows_a_renewal(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    machine.sign_in(site)
    machine.expire(site)

    ran = run_program(machine.home, EXAMPLES / "events.py", site.server_url, "1")

    assert [json.loads(line)["event"] for line in ran.stdout.splitlines()] == ["refreshed"], ran.stderr


@pytest.mark.parametrize("name", ["events.py", "mcp_sdk.py", "plain_http.py"])
def test_without_a_sign_in_an_example_names_the_command(name: str, home: Home, demo_servers: DemoServers) -> None:
    ran = run_program(home, EXAMPLES / name, demo_servers.server_url)

    assert ran.returncode == 4, ran.stderr
    assert f"Run: handstamp login {demo_servers.server_url}" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_presenter_example_signs_in_and_its_request_goes_on(home: Home, demo_servers: DemoServers) -> None:
    home.use_browser()

    ran = run_program(home, EXAMPLES / "own_presenter.py", demo_servers.server_url)

    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert "asks you to sign in at 127.0.0.1" in lines[0]
    assert lines[-1].endswith("signed in: True")
    assert SECRET_PATTERN.search(ran.stdout + ran.stderr) is None
