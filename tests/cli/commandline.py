"""The real program in a home of its own: through pipes, and at a terminal."""

import base64
import json
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from commands import run_here

__all__ = ["CommandLine", "Result", "Terminal"]

SOURCE = Path(__file__).parents[2] / "src"
SECONDS = 30.0
SHELL = """
import fcntl, json, os, signal, subprocess, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
before = termios.tcgetattr(0)
process = subprocess.Popen([sys.executable, "-m", "handstamp", *sys.argv[2:]])
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number))
code = process.wait()
with open(sys.argv[1], "w") as file:
    json.dump({"code": code, "is_sane": termios.tcgetattr(0) == before}, file)
"""
"""Stays at the terminal after the program, as a shell does, and looks at what it left."""
BROWSER = """#!{python}
import sys
from handstamp.demo.visitor import visit
visit(sys.argv[1])
"""


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def error(self) -> Any:
        """The error as an object; only with --json."""
        return json.loads(self.stderr.splitlines()[-1])["error"]


class CommandLine:
    """`cli("status")` runs `handstamp status` as a process. `environment` and `servers_toml` belong to the test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / "state"
        self.servers_toml = home / "config" / "servers.toml"
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
        self.environment: dict[str, str] = kept | {
            "HOME": str(home),
            "HANDSTAMP_STATE_DIR": str(self.state),
            "HANDSTAMP_CONFIG_DIR": str(home / "config"),
            "HANDSTAMP_KEY": base64.b64encode(b"k" * 32).decode(),
            "NO_COLOR": "1",
            "PYTHONPATH": str(SOURCE),
            "PYTHONUTF8": "1",
            "TERM": "xterm",
        }

    def __call__(self, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Result:
        process = subprocess.run(
            [sys.executable, "-m", "handstamp", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=self.environment | dict(environment or {}),
            cwd=self.home,
            timeout=SECONDS,
        )
        return Result(process.returncode, process.stdout, process.stderr)

    def here(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Result:
        """The same within this process, for what does not depend on being one: a tenth of a program's time."""
        ran = run_here(arguments, self.environment | dict(environment or {}), self.home)
        return Result(ran.exit_code, ran.stdout, ran.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Without waiting for its end; it has a session of its own, so that a signal meets it alone."""
        return subprocess.Popen(
            [sys.executable, "-m", "handstamp", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.home,
            start_new_session=True,
        )

    def use_visiting_browser(self) -> None:
        """`$BROWSER` walks the pages and allows."""
        script = self.home / "browser"
        script.write_text(BROWSER.format(python=sys.executable))
        script.chmod(0o755)
        self.environment["BROWSER"] = str(script)

    def terminal(self, *arguments: str) -> "Terminal":
        return Terminal(self, arguments)


class Terminal:
    """
    `handstamp …` with a terminal of its own for stdin and stderr, and a pipe for stdout. A context manager.

    What the person sees is `screen`, all of it since the start.
    """

    def __init__(self, cli: CommandLine, arguments: tuple[str, ...]) -> None:
        self.screen = ""
        self._report = cli.home / "report.json"
        self._person, self._program = os.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", SHELL, str(self._report), *arguments],
            stdin=self._program,
            stdout=subprocess.PIPE,
            stderr=self._program,
            env=cli.environment,
            cwd=cli.home,
            start_new_session=True,
        )

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows by itself what is typed."""
        return bool(termios.tcgetattr(self._program)[3] & termios.ECHO)

    @property
    def is_sane(self) -> bool:
        """Whether the program left the terminal as it was; once it has ended."""
        return bool(json.loads(self._report.read_text())["is_sane"])

    def until(self, text: str) -> str:
        """Waits until the screen shows it, and gives the whole screen."""
        deadline = time.monotonic() + SECONDS
        while text not in self.screen:
            assert time.monotonic() < deadline, f"expected {text!r} on:\n{self.screen}"
            self._read(0.5)
        return self.screen

    def press(self, text: str) -> None:
        os.write(self._person, text.encode())

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> Result:
        """Waits for the end of the program."""
        deadline = time.monotonic() + SECONDS
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"expected an end of:\n{self.screen}"
            self._read(0.05)
        while self._read(0.0):
            pass
        assert self._process.stdout is not None
        code = json.loads(self._report.read_text())["code"]
        return Result(code, self._process.stdout.read().decode(), self.screen)

    @property
    def link(self) -> str:
        """The link that was shown last."""
        return str(re.findall(r"https?://\S+response_type=code\S+", self.screen)[-1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._person)
        os.close(self._program)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._person], [], [], seconds)
        if ready:
            self.screen += os.read(self._person, 65_536).decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(ready)
