"""The real `handstamp` command, each run a process of its own, in a home that is thrown away."""

import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
import pytest

from handstamp.cli import run
from handstamp.demo.ledger import SECRET_PATTERN
from handstamp.settings import require_name
from handstamp.vault import Vault

__all__ = ["KEY", "Home", "Ran", "Running", "command_line", "run_here"]

KEY = b64encode(b"a key that is used by tests only").decode()
PYTHON_PATH = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run came to."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one `error:` line, without that word."""
        return self._only("error: ")

    @property
    def hint(self) -> str:
        """The one `hint:` line, without that word."""
        return self._only("hint: ")

    def _only(self, start: str) -> str:
        lines = [line.removeprefix(start) for line in self.stderr.splitlines() if line.startswith(start)]
        assert len(lines) == 1, self.stderr
        return lines[0]


class Running:
    """A run that is under way. A context manager, which ends it."""

    def __init__(self, process: "subprocess.Popen[str]", *, tells_secrets: bool) -> None:
        self.process = process
        self._tells_secrets = tells_secrets
        self._read = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_for(self, words: str) -> str:
        """The next line of the conversation that has `words` in it."""
        assert self.process.stderr is not None
        while words not in (line := self.process.stderr.readline()):
            self._read += line
            assert line, f"it ended without {words!r}: {self._read}"
        self._read += line
        return line.strip()

    def interrupt(self) -> None:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def finish(self) -> Ran:
        """Waits for its end. Fails if a secret was said, or a traceback."""
        stdout, rest = self.process.communicate(timeout=PATIENCE)
        ran = Ran(self.process.returncode, stdout, self._read + rest)
        assert "Traceback" not in ran.stderr, ran.stderr
        assert SECRET_PATTERN.search(ran.stderr) is None, "stderr bears a secret"
        assert self._tells_secrets or SECRET_PATTERN.search(ran.stdout) is None, "stdout bears a secret"
        return ran


class Home:
    """
    A person's directories below `root`, and nothing else of the machine's: no keychain, no display, no proxy.

    `environ` may be changed. The vault's key is in the environment, because that is the fastest.
    """

    def __init__(self, root: Path) -> None:
        self.config = root / "config"
        self.state = root / "state"
        self.root = root
        self.environ: dict[str, str] = {
            "HOME": str(root),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": PYTHON_PATH,
            "PYTHONWARNINGS": "error",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "HANDSTAMP_CONFIG_DIR": str(self.config),
            "HANDSTAMP_STATE_DIR": str(self.state),
            "HANDSTAMP_KEY": KEY,
            "LANG": "C.UTF-8",
        }

    def use_browser(self, *options: str) -> Path:
        """
        `$BROWSER` is a program that signs in and allows, or with `--deny` refuses.

        Gives a file that will hold the arguments it was started with.
        """
        program, arguments = self.root / "browser", self.root / "arguments"
        visitor = f'{shlex.quote(sys.executable)} -m handstamp.demo.visitor "$@" {shlex.join(options)}'
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {shlex.quote(str(arguments))}\nexec {visitor}\n', "utf-8")
        program.chmod(0o755)
        self.environ["BROWSER"] = str(program)
        return arguments

    def vault(self) -> Vault:
        """The same vault in this process, whose environment has to have the key."""
        return Vault.open(state=self.state, config=self.config)

    def write_settings(self, text: str) -> Path:
        path = self.config / "servers.toml"
        self.config.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def name(self, server: str, url: str, **settings: object) -> None:
        """Writes `servers.toml` with this server alone. Strings and numbers only."""
        lines = [f"[servers.{server}]", f'url = "{url}"']
        lines += [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in settings.items()]
        self.write_settings("\n".join(lines) + "\n")

    def start(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Running:
        """`handstamp` with these arguments."""
        return self._start(["-m", "handstamp", *arguments], environ, tells_secrets=bool({"token", "headers"} & set(arguments)))

    def start_python(self, program: str, *arguments: str) -> Running:
        """A program text of a test's own, in the same surroundings. It may print secrets to stdout."""
        return self._start(["-c", program, *arguments], None, tells_secrets=True)

    def _start(self, arguments: list[str], environ: Mapping[str, str] | None, *, tells_secrets: bool) -> Running:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**self.environ, **(environ or {})},
            # A group of its own, so that what it starts meets no signal of a test's by accident.
            start_new_session=True,
        )
        return Running(process, tells_secrets=tells_secrets)

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        with self.start(*arguments, environ=environ) as running:
            return running.finish()

    def here(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Ran:
        """The same within this process, for what does not depend on being one: a tenth of a program's time."""
        ran = run_here(arguments, {**self.environ, **(environ or {})}, self.root)
        assert SECRET_PATTERN.search(ran.stdout + ran.stderr) is None, "a secret was said"
        return ran

    def fail(self, *arguments: str, code: int, environ: Mapping[str, str] | None = None) -> Ran:
        """Runs what cannot work. Holds it to how every failure ends: nothing on stdout, one error, one hint that can be run."""
        ran = self.run(*arguments, environ=environ)
        assert (ran.exit_code, ran.stdout) == (code, ""), ran
        assert ran.error
        assert_runnable(ran.hint)
        return ran


def run_here(arguments: Sequence[str], environ: Mapping[str, str], directory: Path) -> Ran:
    """What a command comes to in this process, with such an environment besides its own, in `directory`."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("sys.stdin", io.StringIO())
        patch.chdir(directory)
        for name, value in environ.items():
            patch.setenv(name, value)
        code = run(arguments)
    return Ran(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def assert_runnable(command: str) -> None:
    """The hint is one command: of ours, and then the real command line accepts it; or of the system's, and it is installed."""
    program, *arguments = shlex.split(command)
    if program == "handstamp":
        parse(command_line(), arguments)
        if arguments[0] == "add" and "--help" not in arguments:
            require_name(arguments[1])
    else:
        assert shutil.which(program), command


def command_line() -> click.Group:
    from handstamp.cli.commands import build_group

    return build_group()


def parse(group: click.Group, arguments: list[str]) -> None:
    """As far as click goes without running anything. Raises click.UsageError for what the command line would refuse."""
    _parse(group.make_context("handstamp", list(arguments), resilient_parsing="--help" in arguments))


def _parse(context: Any) -> None:
    with context:
        rest = [*context._protected_args, *context.args]
        if isinstance(context.command, click.Group) and rest and not rest[0].startswith("-"):
            name, command, rest = context.command.resolve_command(context, rest)
            assert command is not None
            _parse(command.make_context(name, rest, parent=context, resilient_parsing=context.resilient_parsing))
