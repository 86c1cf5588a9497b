"""
A terminal that goes away under the app: it ends, whether the system tells it or not, and leaves no process that spins.
One that the app has left: it is the shell's, and so is what is typed in it.
"""

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import pytest

from commands import Home

TAKES_CONTROL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
"""A process that its terminal controls is told by a SIGHUP."""
CANNOT_FLUSH = 120
"""Python's own exit code where what was left to be written went nowhere."""
LEAVES_THE_SCREEN = b"\x1b[?1049l"
PATIENCE = 40.0


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
def test_the_app_ends_with_its_terminal(home: Home, told: bool) -> None:
    home.name("notes", "http://127.0.0.1:9/mcp")
    command = [sys.executable, "-m", "handstamp"]
    with in_terminal([sys.executable, "-c", TAKES_CONTROL, *command] if told else command, home) as (process, ours):
        read_until(ours, b"unreachable")
        ours.close()

        assert process.wait(PATIENCE) in (128 + signal.SIGHUP, CANNOT_FLUSH)


def test_what_is_typed_once_the_app_has_left_is_for_the_shell(home: Home) -> None:
    with in_terminal([sys.executable, str(Path(__file__).with_name("slow_to_leave.py"))], home) as (_, ours):
        read_until(ours, LEAVES_THE_SCREEN)
        ours.write(b"typed\n")

        read_until(ours, b"heard typed")


@contextmanager
def in_terminal(command: list[str], home: Home) -> Generator[tuple[subprocess.Popen[bytes], FileIO]]:
    """The program, and our end of its terminal."""
    fd, theirs = pty.openpty()
    environ = {**home.environ, "TERM": "xterm-256color"}
    with (
        FileIO(fd, "r+") as ours,
        subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True) as process,
    ):
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()


def read_until(terminal: FileIO, words: bytes) -> None:
    drawn = b""
    while words not in drawn:
        assert select.select([terminal], [], [], PATIENCE)[0], drawn
        drawn += os.read(terminal.fileno(), 1 << 16)
