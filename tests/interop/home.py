"""A person's machine in a directory: a home, the real commands in it, and a browser that answers the pages by itself."""

import json
import os
import shlex
import subprocess
import sys
from base64 import b64encode
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import handstamp
from handstamp.vault import Vault

__all__ = ["NAME", "Home", "Result", "finish"]

NAME = "notes"
"""What the person calls the server."""
PATIENCE = 40.0
SOURCES = Path(handstamp.__file__).parents[1]
PROGRAM = """
import sys, httpx2, handstamp
ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a program", "version": "1"}}}
with handstamp.Vault.open() as vault, httpx2.Client(auth=vault.auth(sys.argv[1])) as http:
    try:
        answer = http.post(sys.argv[1], json=ask, headers={"Accept": "application/json, text/event-stream"})
    except handstamp.HandstampError as error:
        sys.exit(f"{error.code}: {error.message} {error.hint}")
    sys.exit(0 if answer.status_code == 200 else f"HTTP {answer.status_code}")
"""
"""Somebody's script: one authorized request by the library. A sixth of what `handstamp call` costs, which loads the SDK."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def shown(self) -> str:
        """For the message of an assertion."""
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    @property
    def document(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.out))


class Home:
    """The site is called `notes` here. Each command is a process of its own: all but the first come after a restart."""

    def __init__(self, path: Path, server_url: str) -> None:
        self.path = path
        self.server_url = server_url
        self._visits = path / "visits"
        self._browser = path / "browser"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HANDSTAMP_")} | {
            "HANDSTAMP_CONFIG_DIR": str(path / "config"),
            "HANDSTAMP_STATE_DIR": str(path / "state"),
            "HANDSTAMP_KEY": b64encode(os.urandom(32)).decode(),  # the keychain of whoever runs the tests is not theirs
            "BROWSER": str(self._browser),
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": str(SOURCES),
        }
        self.allow()
        self.run("add", NAME, server_url)

    @property
    def visits(self) -> int:
        """How often a browser was opened."""
        return len(self._visits.read_text().splitlines()) if self._visits.exists() else 0

    def allow(self) -> None:
        """From now on the person allows what they are asked."""
        self._write_browser()

    def deny(self) -> None:
        """From now on the person signs in and then presses the button that says no."""
        self._write_browser("--deny")

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return self._start("-m", "handstamp", *arguments)

    def start_program(self) -> "subprocess.Popen[str]":
        """`PROGRAM`. Ends with 0 where the server took the request, else says why not."""
        return self._start("-c", PROGRAM, self.server_url)

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Result:
        return finish(self.start(*arguments))

    def run_program(self) -> Result:
        return finish(self.start_program())

    def log_in(self, *options: str) -> Result:
        """Fails where it does not work."""
        result = self.run("login", NAME, "--timeout", "20", *options)
        assert result.code == 0, result.shown
        return result

    def who_am_i(self) -> dict[str, Any]:
        """What the MCP server says of the caller, by way of `handstamp call`; fails where it does not work."""
        result = self.run("call", NAME, "whoami", "--json")
        assert result.code == 0, result.shown
        return cast("dict[str, Any]", result.document["structured_content"])

    @contextmanager
    def vault(self) -> Generator[Vault, None, None]:
        """The same vault from inside of this process, whose environment has to hold the key (`environment`)."""
        with Vault.open(state=self.path / "state", config=self.path / "config") as vault:
            yield vault

    def _write_browser(self, *options: str) -> None:
        visitor = shlex.join([sys.executable, "-m", "handstamp.demo.visitor", "--user", "alice", *options])
        self._browser.write_text(f'#!/bin/sh\necho visit >> {shlex.quote(str(self._visits))}\nexec {visitor} "$1"\n')
        self._browser.chmod(0o700)


def finish(process: "subprocess.Popen[str]") -> Result:
    """Waits for a command that was started."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{process.args!r} is still running after {PATIENCE:.0f} s: {out} {err}") from None
    return Result(process.returncode, out, err)
