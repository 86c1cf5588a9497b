"""
Programs that are killed by the hundred, without waiting for an interpreter each time.

The zygote is one process that has imported everything and opened nothing. Told to, it forks; the child is a program like any
other, down to how it ends: it returns from `main`, so its exit is the interpreter's. It talks in lines over a socket that is its
stdin and stdout. Nobody is reaped before the test asks, so a process id stays its owner's until then.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

import handstamp

__all__ = ["Child", "Zygote"]

LOADED = (
    "endurance.programs",
    "anyio._backends._asyncio",
    "handstamp.cli.plain",
    "handstamp.flight",
    "handstamp.http.guard",
    "handstamp.protocol.tokens",
    "handstamp.stores.keys",
    "handstamp.stores.sqlite",
)
"""What a child would import first of all."""
PATIENCE = 30.0
MODULES = os.pathsep.join([str(Path(handstamp.__file__).parents[1]), str(Path(__file__).parents[1])])


class Child:
    """One program, from outside."""

    def __init__(self, zygote: "Zygote", pid: int, stream: socket.socket) -> None:
        self.pid = pid
        self.stream = stream
        self.has_ended = False
        self._zygote = zygote
        self._lines: list[str] = []
        self._rest = b""

    def say(self, line: str) -> None:
        """Into its stdin."""
        with suppress(BrokenPipeError):
            self.stream.sendall(f"{line}\n".encode())

    def read(self) -> list[str]:
        """The whole lines that have come and nobody has taken, without waiting."""
        while self._has_more(0):
            self._receive()
        lines, self._lines = self._lines, []
        return lines

    def read_line(self) -> str:
        """The next of them, once it comes."""
        while not self._lines:
            assert not self.has_ended, self._zygote.hear_complaints()
            assert self._has_more(PATIENCE), "it says nothing"
            self._receive()
        return self._lines.pop(0)

    def listen(self, seconds: float) -> list[str]:
        """What it says within that time."""
        lines, ends_at = list[str](), time.monotonic() + seconds
        while not self.has_ended and (left := ends_at - time.monotonic()) > 0:
            self._has_more(left)
            lines += self.read()
        return lines

    def hang_up(self) -> None:
        """Its stdin ends, and nobody reads its stdout any more."""
        self.stream.shutdown(socket.SHUT_RDWR)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def stop(self) -> None:
        """Holds it where it is: it does nothing more until it is killed. Linux."""
        self.kill(signal.SIGSTOP)
        while _state(self.pid) not in ("T", "Z"):
            pass

    def read_to_end(self) -> list[str]:
        """What it said before it died."""
        lines = self.listen(PATIENCE)
        assert self.has_ended, "it lives on"
        return lines

    def wait(self) -> int:
        """For its end. Gives its exit status, as `subprocess` has it."""
        return self._zygote.reap(self)

    def _has_more(self, patience: float) -> bool:
        return not self.has_ended and bool(select.select([self.stream], [], [], patience)[0])

    def _receive(self) -> None:
        try:
            chunk = self.stream.recv(65536)
        except ConnectionResetError:
            chunk = b""
        self.has_ended = not chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._lines += [line.decode() for line in lines]


def _state(pid: int) -> str:
    """The one letter after the name, which stands in brackets and may hold any."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]


class Zygote:
    """A context manager; whatever it has started ends with it. POSIX alone."""

    def __init__(self) -> None:
        self._complaints = TemporaryFile()  # noqa: SIM115  # closed at the exit
        self._heard = 0
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "endurance.zygote", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                pass_fds=[theirs.fileno()],
                # Without bytecode it would compile the sources anew.
                env={**os.environ, "PYTHONPATH": MODULES, "PYTHONDONTWRITEBYTECODE": ""},
            )
        self._control = ours
        self._children: set[Child] = set()

    def hear_complaints(self) -> str:
        """What was said to stderr since the last time."""
        read = os.pread(self._complaints.fileno(), 1_000_000, self._heard)
        self._heard += len(read)
        return read.decode("utf-8", "replace")

    def start(self, program: str, *arguments: object, environ: Mapping[str, str]) -> Child:
        """A function of `endurance.programs`, in a process of its own."""
        ours, theirs = socket.socketpair()
        with theirs:
            message = json.dumps([dict(environ), program, *map(str, arguments)])
            socket.send_fds(self._control, [message.encode()], [theirs.fileno()])
        child = Child(self, self._hear(), ours)
        self._children.add(child)
        return child

    def reap(self, child: Child) -> int:
        self._control.sendall(str(child.pid).encode())
        self._children.discard(child)
        status = self._hear()
        child.stream.close()
        return status

    def end_all(self) -> None:
        """Whoever is left."""
        for child in list(self._children):
            child.kill()
            child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end_all()
        self._control.close()
        self._process.wait(PATIENCE)
        self._complaints.close()

    def _hear(self) -> int:
        answer = self._control.recv(64)
        assert answer, self.hear_complaints()
        return int(answer)


def main(control: socket.socket) -> None:
    """The zygote's own life; a child leaves it by returning."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        if not message:
            return
        if not descriptors:
            _, status = os.waitpid(int(message), 0)
            control.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if pid == 0:
            control.close()
            become(descriptors[0], *json.loads(message))
            return
        os.close(descriptors[0])
        control.sendall(str(pid).encode())


def become(stream: int, environ: Mapping[str, str], program: str, *arguments: str) -> None:
    os.dup2(stream, 0)
    os.dup2(stream, 1)
    os.close(stream)
    os.environ.update(environ)
    # A shell starts what runs in its background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from endurance.programs import PROGRAMS

    PROGRAMS[program](*arguments)


if __name__ == "__main__":
    for name in LOADED:
        import_module(name)
    main(socket.socket(fileno=int(sys.argv[1])))
