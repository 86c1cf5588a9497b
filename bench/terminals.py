"""A full-screen program in a terminal that a benchmark reads: a pty of a fixed size, nothing in between."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Terminal"]

PATIENCE = 60.0
COLUMNS, ROWS = 120, 40


class Terminal:
    """A context manager: the program starts with it and is ended with it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._drawn = b""
        self._environment = {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._started = time.perf_counter()
        self.process = subprocess.Popen(
            self._command, stdin=theirs, stdout=theirs, stderr=theirs, env=self._environment, start_new_session=True
        )
        os.close(theirs)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def first(self, words: str) -> float:
        """Seconds from the start until the program has drawn `words`, which may be before."""
        self._read_until(words, self._drawn)
        return time.perf_counter() - self._started

    def answer(self, key: str, words: str) -> float:
        """Seconds from a key until the program has drawn `words`."""
        self._drain()
        pressed = time.perf_counter()
        os.write(self._ours, key.encode())
        self._read_until(words)
        return time.perf_counter() - pressed

    def wait(self, seconds: float) -> float:
        """The CPU seconds that the program takes in so much time, in which all that it draws is read."""
        before, ends = self.cpu, time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if select.select([self._ours], [], [], left)[0]:
                os.read(self._ours, 1 << 16)
        return self.cpu - before

    @property
    def cpu(self) -> float:
        """Its user and system time so far. Linux only."""
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def private(self) -> float:
        """MiB that are its alone. Linux only."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024

    def _drain(self) -> None:
        while select.select([self._ours], [], [], 0)[0]:
            os.read(self._ours, 1 << 16)

    def _read_until(self, words: str, drawn: bytes = b"") -> None:
        ends = time.monotonic() + PATIENCE
        while words.encode() not in drawn:
            ready = select.select([self._ours], [], [], max(0.0, ends - time.monotonic()))[0]
            assert ready, f"{words!r} is not drawn within {PATIENCE:.0f} seconds: {drawn[-2000:]!r}"
            drawn += os.read(self._ours, 1 << 16)
        self._drawn = drawn
