"""Events to a program of the user's."""

import json
import os
import sys
import time
from pathlib import Path
from select import select
from typing import Any

import pytest

from handstamp.listeners.command import Command, find_program
from happenings import needs_login

REPORT = """
import json, os, sys
with open(sys.argv[1], "w") as file:
    json.dump([json.load(sys.stdin), sys.argv[1:], dict(os.environ), os.getcwd()], file)
print("out"); print("err", file=sys.stderr)
"""


def run(directory: Path, *arguments: str, environ: dict[str, str] | None = None, deadline: float = 20.0) -> list[str]:
    """Gives the complaints."""
    complaints: list[str] = []
    surroundings = {"PATH": os.environ["PATH"]} | (environ or {})
    Command(arguments, directory=directory, complain=complaints.append, environ=surroundings, deadline=deadline)(needs_login())
    return complaints


def test_it_gets_the_event_on_stdin_and_says_nothing_to_our_streams(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"

    complaints = run(tmp_path, sys.executable, "-c", REPORT, str(report), "$HOME; `id`")

    event, arguments, _, directory = json.loads(report.read_text())
    assert complaints == []
    assert (event["event"], event["next_step"]) == ("needs_login", "handstamp login example --account work")
    assert arguments == [str(report), "$HOME; `id`"]
    assert Path(directory).samefile(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_of_the_environment_it_gets_what_programs_need_and_no_key(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    secrets = {"HANDSTAMP_KEY": "k", "WORK_SECRET": "s", "OPENAI_API_KEY": "o", "CREDENTIALS_DIRECTORY": "/run/credentials"}
    passed = {"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/1000", "LC_ALL": "C.UTF-8", "HANDSTAMP_STATE_DIR": "/state"}

    run(tmp_path, sys.executable, "-c", REPORT, str(report), environ=secrets | passed)

    environ: dict[str, Any] = json.loads(report.read_text())[2]
    assert passed.items() <= environ.items()
    assert environ["HANDSTAMP_EVENT"] == "needs_login"
    assert not secrets.keys() & environ.keys()


def test_one_that_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    held = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)

    begun = time.monotonic()
    (complaint,) = run(tmp_path, "sh", "-c", "exec 3> held; sleep 600 & sleep 600", deadline=0.2)

    assert time.monotonic() - begun < 20
    assert "it was not done in" in complaint
    assert select([held], [], [], 20)[0], "somebody still holds it"
    assert os.read(held, 1) == b""
    os.close(held)


def test_one_that_reads_nothing_of_what_it_is_given_has_done_its_part(tmp_path: Path) -> None:
    assert run(tmp_path, "true") == []


@pytest.mark.parametrize(
    ("arguments", "got"),
    [
        (("false",), "ended with 1"),
        (("no-such-program-anywhere",), "no such program"),
        (("/etc/passwd",), "no such program"),
        (("sh", "-c", "kill -9 $$"), "ended with -9"),
    ],
)
def test_what_goes_wrong_is_complained_of_with_the_programs_name(tmp_path: Path, arguments: tuple[str, ...], got: str) -> None:
    (complaint,) = run(tmp_path, *arguments)

    assert got in complaint
    assert arguments[0] in complaint


def test_a_directory_that_is_gone_is_complained_of(tmp_path: Path) -> None:
    assert len(run(tmp_path / "gone", "true")) == 1


def test_a_program_is_looked_for_where_no_project_can_put_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TG9: the current directory is often a checkout of somebody else's."""
    program = tmp_path / "notify"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)

    assert find_program("notify", ".") is None
    assert find_program("notify", str(tmp_path)) == str(program)
