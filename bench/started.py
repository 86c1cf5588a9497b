"""Processes that a benchmark starts and speaks with, a line at a time."""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO

__all__ = ["Program", "programs", "tell"]


class Program:
    """One of them, from outside. It says that it is ready, answers each line with one, and ends with its stdin."""

    def __init__(self, file: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        command = [sys.executable, file, *arguments]
        environment = {**environment, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def say(self, line: str) -> None:
        stream = self._stream(self.process.stdin)
        stream.write(f"{line}\n")
        stream.flush()

    def hear(self) -> str:
        line = self._stream(self.process.stdout).readline()
        assert line, "one of the programs has ended"
        return line.strip()

    def stop(self) -> None:
        self._stream(self.process.stdin).close()
        self.process.wait()
        self._stream(self.process.stdout).close()

    def _stream(self, stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


@contextmanager
def programs(file: str, arguments: Sequence[Sequence[str]], environment: Mapping[str, str]) -> Generator[Sequence[Program]]:
    """One for each list of arguments, all of them ready."""
    with ExitStack() as stack:
        started: list[Program] = []
        for each in arguments:
            started.append(Program(file, each, environment))
            stack.callback(started[-1].stop)
        for program in started:
            program.hear()
        yield started


def tell(line: str) -> None:
    """What such a program says."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
