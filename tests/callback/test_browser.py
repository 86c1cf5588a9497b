"""Opening the browser: a program that writes down how it was called stands in for one."""

import os
import time
from pathlib import Path

import pytest

from handstamp.callback.browser import SystemBrowser

URL = "https://auth.example/authorize?state=a&scope=read%20write"

RECORDER = """#!/bin/sh
{ for argument in "$@"; do printf '%s\\n' "$argument"; done; printf -- '--\\n'; /usr/bin/env; } > "$0.part"
/bin/mv "$0.part" "$0.called"
"""


class Desk:
    """A directory of programs and an environment that leads there and nowhere else."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environ = {"PATH": str(directory), "DISPLAY": ":0"}

    def install(self, name: str) -> Path:
        program = self.directory / name
        program.write_text(RECORDER)
        program.chmod(0o755)
        return program

    def open(self, url: str, **environ: str) -> bool:
        return SystemBrowser({**self.environ, **environ}).open(url)

    def calls(self, name: str) -> tuple[list[str], set[str]]:
        """The arguments and the environment of the call, once it has come."""
        called = self.directory / f"{name}.called"
        patience = time.monotonic() + 10
        while not called.exists():
            assert time.monotonic() < patience, f"{name} was not called"
            os.sched_yield()
        arguments, _, environ = called.read_text().partition("--\n")
        return arguments.splitlines(), set(environ.splitlines())

    def started(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir() if path.suffix in (".part", ".called"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_desktop_gets_the_address_as_its_only_argument(desk: Desk) -> None:
    """A-81, TC2."""
    desk.install("xdg-open")
    url = "https://auth.example/$(touch%20x)?a=b&c=';|d".replace("|", "%7C")

    opened = desk.open(url)

    assert opened
    assert desk.calls("xdg-open")[0] == [url]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "smb://host/share",
        "HTTPS://auth.example/",
        "--renderer-cmd-prefix=x",
        "-https://auth.example/",
        "%action--x",
        " https://auth.example/",
        "https://",
        "https://-x/",
        "https://%action/",
        "https://auth.example/a b",
        'https://auth.example/"',
        "https://auth.example/`id`",
        "https://auth.example/^&calc|",
        "https://auth.example/\\\\host",
        "https://auth.example/\n",
        "https://auth.example/\x00",
        "https://auth.example/ü",
        "https://auth.example/" + "x" * 8192,
    ],
)
def test_what_is_not_plainly_a_web_address_opens_nothing(desk: Desk, url: str) -> None:
    """TC1, TC2, TC3, TC7."""
    desk.install("xdg-open")

    assert not desk.open(url)
    assert desk.started() == []


def test_what_a_browser_says_stays_away_from_the_terminal(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    """It would be written over an app that fills the screen; and what it reads there would be keys of ours."""
    program = desk.install("xdg-open")
    loud = "echo out; echo err >&2; read line && echo $line; (echo tty > /dev/tty) 2>&1\n"
    program.write_text(RECORDER.replace("\n", f"\n{loud}", 1))

    desk.open(URL)
    desk.calls("xdg-open")

    assert capfd.readouterr() == ("", "")


def test_browser_names_the_program(desk: Desk) -> None:
    desk.install("xdg-open")
    desk.install("mine")

    opened = desk.open(URL, BROWSER="mine")

    assert opened
    assert desk.calls("mine")[0] == [URL]


def test_browser_may_be_an_absolute_path(desk: Desk) -> None:
    program = desk.install("mine")

    opened = desk.open(URL, BROWSER=str(program))

    assert opened
    assert desk.calls("mine")[0] == [URL]


@pytest.mark.parametrize(
    "chosen", ["mine %s", "sh -c %s", "mine&", "./mine", "../mine", "-mine", "mine:other", "$(mine)", "absent", ""]
)
def test_a_browser_that_is_not_one_program_is_ignored_and_not_passed_on(desk: Desk, chosen: str) -> None:
    """TC4: xdg-open would run it in our stead."""
    desk.install("xdg-open")
    desk.install("mine")

    opened = desk.open(URL, BROWSER=chosen)

    arguments, environ = desk.calls("xdg-open")
    assert opened
    assert arguments == [URL]
    assert not any(line.startswith("BROWSER=") for line in environ)
    assert desk.started() == ["xdg-open.called"]


def test_the_key_does_not_travel_to_the_browser(desk: Desk) -> None:
    desk.install("xdg-open")

    desk.open(URL, HANDSTAMP_KEY="0b5d7c")

    assert not any("0b5d7c" in line for line in desk.calls("xdg-open")[1])


@pytest.mark.parametrize(
    "environ",
    [
        {"DISPLAY": ""},
        {"CI": "true"},
        {"CI": "1"},
        {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"},
        {"SSH_TTY": "/dev/pts/0"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_where_nobody_sits_nothing_is_tried(desk: Desk, environ: dict[str, str]) -> None:
    """TC10."""
    desk.install("xdg-open")

    assert not desk.open(URL, **environ)
    assert desk.started() == []


@pytest.mark.parametrize("environ", [{"DISPLAY": ""}, {"CI": "true"}, {"SSH_TTY": "/dev/pts/0"}])
def test_browser_is_tried_even_where_nobody_sits(desk: Desk, environ: dict[str, str]) -> None:
    desk.install("mine")

    opened = desk.open(URL, BROWSER="mine", **environ)

    assert opened
    assert desk.calls("mine")[0] == [URL]


@pytest.mark.parametrize(
    "environ", [{"DISPLAY": "", "WAYLAND_DISPLAY": "wayland-0"}, {"DISPLAY": "", "WSL_DISTRO_NAME": "x"}, {"CI": "false"}]
)
def test_a_display_of_another_kind_is_one(desk: Desk, environ: dict[str, str]) -> None:
    desk.install("xdg-open")

    assert desk.open(URL, **environ)
    assert desk.calls("xdg-open")[0] == [URL]


def test_a_machine_without_a_browser_says_so(tmp_path: Path) -> None:
    assert not SystemBrowser({"PATH": str(tmp_path), "DISPLAY": ":0"}).open(URL)


def test_a_program_that_cannot_be_run_gives_way_to_the_next(desk: Desk) -> None:
    desk.install("xdg-open").write_text("#!/nonexistent/interpreter\n")
    desk.install("firefox")

    opened = desk.open(URL)

    assert opened
    assert desk.calls("firefox")[0] == [URL]


def test_a_relative_entry_of_the_path_is_not_searched(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.install("xdg-open")
    monkeypatch.chdir(desk.directory)

    assert not desk.open(URL, PATH=".:")
    assert desk.started() == []
