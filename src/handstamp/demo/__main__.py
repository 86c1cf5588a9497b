"""
`make demo`: the main job from end to end, with the real commands against real servers, each step checked.

An authorization server and a protected MCP server run in processes of their own on loopback; the home is a temporary directory. A
step that does not do what it says ends the demo with exit code 1.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httpx2

from handstamp.output import Output

OUTPUT = Output()
PROGRAMS = 8
PATIENCE = 60.0
"""Seconds for one command, and for a server to say that it listens."""


class StepFailed(Exception):
    """A step did not do what it says."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Server:
    """A server in a process of its own, and the line in which it said where it listens."""

    arguments: Sequence[str]
    process: subprocess.Popen[str] = field(init=False)
    said: Mapping[str, str] = field(init=False)

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", *self.arguments], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise StepFailed(f"Expected {self.arguments[0]} to listen, got exit code {self.process.wait()}.")
        self.said = cast("Mapping[str, str]", json.loads(line))

    def restart(self) -> None:
        """On the same port: for everybody else it is the same server."""
        self.stop()
        self.arguments = [*self.arguments, "--port", str(urlsplit(self.said["url"]).port)]
        self.start()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        if self.process.stdout:
            self.process.stdout.close()


class Home:
    """A throw-away home, and the commands that are run in it."""

    def __init__(self, path: Path, *, own_browser: bool) -> None:
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("HANDSTAMP_")}
        if self._environment.get("BROWSER") == "1":  # make exports its own variable; it names no program
            del self._environment["BROWSER"]
        self._environment |= {
            "HANDSTAMP_CONFIG_DIR": str(path / "config"),
            "HANDSTAMP_STATE_DIR": str(path / "state"),
            "HANDSTAMP_KEY": b64encode(os.urandom(32)).decode(),  # your keychain is not part of a demo
        }
        if not own_browser:
            self._environment["BROWSER"] = str(_write_visitor(path / "visitor"))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "handstamp", *arguments]
        return subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, patience: float = PATIENCE) -> Result:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=patience)
        return Result(process.returncode, out.rstrip(), err.rstrip())


def _write_visitor(path: Path) -> Path:
    """A program to stand in for a browser: it answers the login and consent pages over HTTP."""
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m handstamp.demo.visitor --user mia "$1"\n', "utf-8")
    path.chmod(0o700)
    return path


class Authority:
    """The authorization server's control interface: what it counted, and "all access tokens end now"."""

    def __init__(self, said: Mapping[str, str]) -> None:
        headers = {"Authorization": f"Bearer {said['control_token']}"}
        self._client = httpx2.Client(base_url=said["issuer"], headers=headers, trust_env=False, timeout=PATIENCE)

    def expire(self) -> None:
        self._ask("POST", "/control/expire")

    def refreshes(self) -> Mapping[str, int]:
        return cast("Mapping[str, int]", self._ask("GET", "/control/counts")["refreshes"])

    def families(self) -> int:
        return cast("int", self._ask("GET", "/control/counts")["active_families"])

    def _ask(self, method: str, path: str) -> Mapping[str, object]:
        response = self._client.request(method, path).raise_for_status()
        return cast("Mapping[str, object]", response.json())


class Demo:
    """The steps, in order. Each tells what it does, runs it, shows what a person would see, and checks it."""

    def __init__(self, home: Home, authority: Authority, server: Server, *, own_browser: bool) -> None:
        self._home = home
        self._authority = authority
        self._server = server
        self._own_browser = own_browser
        self._steps = 0

    def run(self) -> None:
        self._sign_in()
        self._use()
        self._outlive_the_token()
        self._run_side_by_side()
        self._restart()
        self._sign_out()

    def _sign_in(self) -> None:
        self._tell("Name the server once.")
        self._command("add", "demo", self._server.said["url"])
        self._tell("Sign in once." if self._own_browser else "Sign in once; the demo answers the pages as a browser would.")
        patience = 300.0 if self._own_browser else PATIENCE
        self._command("login", "demo", expect="Signed in to demo", patience=patience)
        self._command("status", expect="demo")

    def _use(self) -> None:
        self._tell("Use it: list the tools, call one.")
        self._command("tools", "demo", expect="add")
        self._command("call", "demo", "add", '{"a": 20, "b": 22}', expect="42")

    def _outlive_the_token(self) -> None:
        self._tell("The server ends every access token. The next call renews it, and nobody is asked.")
        before = self._authority.refreshes()["ok"]
        self._authority.expire()
        self._command("call", "demo", "whoami", expect="mia")
        self._check("one refresh", self._authority.refreshes()["ok"] - before == 1)

    def _run_side_by_side(self) -> None:
        self._tell(
            f"It ends them again, and {PROGRAMS} programs ask at once. A second use of a refresh token would revoke them all."
        )
        before = self._authority.refreshes()
        self._authority.expire()
        started = time.monotonic()
        programs = [self._home.start("call", "demo", "stamp", json.dumps({"text": f"program {n}"})) for n in range(PROGRAMS)]
        ends = [(program.communicate(timeout=PATIENCE), program.returncode) for program in programs]
        self._show(
            f"{sum(code == 0 for _, code in ends)} of {PROGRAMS} programs got their answer in {time.monotonic() - started:.1f} s"
        )
        self._check("every program got its answer", all(code == 0 for _, code in ends), "".join(err for (_, err), _ in ends))
        after = self._authority.refreshes()
        self._check("the server saw one refresh", after["ok"] - before["ok"] == 1)
        self._check("and no refresh token twice", after["reused"] == before["reused"])

    def _restart(self) -> None:
        self._tell("The MCP server restarts. Every command here is a program of its own, so ours restarted long ago.")
        self._server.restart()
        self._command("call", "demo", "whoami", expect="mia")

    def _sign_out(self) -> None:
        self._tell("Sign out: the server revokes, and we forget.")
        self._command("logout", "demo", expect="evoked")
        self._check("the server knows of no sign-in any more", self._authority.families() == 0)
        self._tell("A call now says which command to run.")
        self._command("call", "demo", "whoami", expect="handstamp login demo", code=4)

    def _tell(self, text: str) -> None:
        self._steps += 1
        OUTPUT.data(f"\n{self._steps}. {text}")

    def _command(self, *arguments: str, expect: str = "", code: int = 0, patience: float = PATIENCE) -> None:
        OUTPUT.data(f"   $ handstamp {shlex.join(arguments)}")
        result = self._home.run(*arguments, patience=patience)
        shown = "\n".join(part for part in (result.out, result.err) if part)
        self._show(shown)
        self._check(f"exit code {code}", result.code == code, shown)
        self._check(f"{expect!r} in the output", expect in shown, shown)

    def _show(self, text: str) -> None:
        for line in text.splitlines():
            OUTPUT.data(f"     {line}")

    def _check(self, what: str, holds: bool, seen: str = "") -> None:
        if not holds:
            raise StepFailed(f"Expected {what} in step {self._steps}, and it was not so. {seen}".rstrip())


@contextmanager
def _running(*arguments: str) -> Generator[Server]:
    server = Server(arguments)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> int:
    """Runs all steps; 0 where each did what it says."""
    parser = argparse.ArgumentParser(prog="python -m handstamp.demo", description="Run the main job end to end on loopback.")
    parser.add_argument("--browser", action="store_true", help="sign in with your own browser, and wait for you")
    own_browser = parser.parse_args().browser
    started = time.monotonic()
    with ExitStack() as stack:
        home = Home(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handstamp-demo-"))), own_browser=own_browser)
        authority = stack.enter_context(_running("handstamp.demo.authority"))
        issuer, control = authority.said["issuer"], authority.said["control_token"]
        os.environ["HANDSTAMP_DEMO_CONTROL_TOKEN"] = control
        server = stack.enter_context(_running("handstamp.demo.server", "--issuer", issuer, "--scope", "openid read write"))
        try:
            Demo(home, Authority(authority.said), server, own_browser=own_browser).run()
        except StepFailed as failure:
            OUTPUT.say(f"\nTHE DEMO FAILED: {failure}")
            return 1
    OUTPUT.data(f"\nAll steps did what they say, in {time.monotonic() - started:.0f} s. Nothing is left behind.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
