"""A terminal that goes away under the app: it ends, whether the system tells it or not, and leaves no process that spins."""

import os
import pty
import select
import signal
import subprocess
import sys

import pytest

from commands import Home

TAKES_CONTROL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
"""A process that its terminal controls is told by a SIGHUP."""
CANNOT_FLUSH = 120
"""Python's own exit code where what was left to be written went nowhere."""
PATIENCE = 40.0


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
def test_the_app_ends_with_its_terminal(home: Home, told: bool) -> None:
    home.name("notes", "http://127.0.0.1:9/mcp")
    command = [sys.executable, "-m", "handstamp"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", TAKES_CONTROL, *command] if told else command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**home.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            drawn = b""
            while b"unreachable" not in drawn:
                assert select.select([ours], [], [], PATIENCE)[0], drawn
                drawn += os.read(ours, 1 << 16)
            os.close(ours)

            assert process.wait(PATIENCE) in (128 + signal.SIGHUP, CANNOT_FLUSH)
        finally:
            process.kill()
