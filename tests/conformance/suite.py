"""The suite as it is installed: what it offers, what a revision requires, and one run of one scenario."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from conformance.verdict import ENDED_IN_ERROR, Outcome, Task, count_checks

__all__ = ["REVISIONS", "Requirements", "Suite", "SuiteMissing", "pinned_version"]

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / ".node" / "conformance" / "node_modules"
PACKAGE = "@modelcontextprotocol/conformance"
REVISIONS = ("2025-11-25", "2026-07-28")
"""Those whose requirements the suite has frozen."""
CLIENT_SECONDS = 30
SECONDS = CLIENT_SECONDS + 15.0
"""The suite ends a client that takes too long, but not what that client has started: this ends all."""

LISTED = re.compile(r"^ +- (\S+)(?: \[(.+)\])?$", re.MULTILINE)
EXITED = re.compile(r"^Client exited with code (-?\d+)$", re.MULTILINE)
TIMED_OUT = re.compile(r"^Client timed out", re.MULTILINE)
ERROR = re.compile(r"^([a-z_]+): ")


class SuiteMissing(Exception):
    """The suite, or the Node that it needs, is not installed."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """The client's scenarios of a revision, frozen at its release; `unscored` ones are run too and decide nothing."""

    revision: str
    scored: tuple[str, ...]
    unscored: tuple[str, ...]


class Suite:
    """Safe to share by threads: each run has processes, ports and a directory of its own."""

    def __init__(self, results: Path, *, program: Sequence[str] | None = None, seconds: float = SECONDS) -> None:
        self._program = program or find_program()
        self.results = results
        self._seconds = seconds
        self.version = self._ask("--version").strip()
        if self.version != pinned_version():
            raise SuiteMissing(f"Expected {PACKAGE} {pinned_version()}, got {self.version}.")
        self.requirements = [self._read_requirements(revision) for revision in REVISIONS]

    def tasks(self) -> list[Task]:
        """Every scenario at every wire that it belongs to."""
        listed = LISTED.findall(self._ask("list", "--client"))
        return [Task(name, wire, wires == "extension") for name, wires in listed for wire in self._wires(name, wires)]

    def run(self, task: Task) -> Outcome:
        """Our client in one scenario, alone."""
        directory = self.results / task.wire / task.scenario.replace("/", "-")
        client = shlex.join([sys.executable, "-m", "conformance.client"])
        options = {
            "--command": client,
            "--scenario": task.scenario,
            "--spec-version": task.wire,
            "--timeout": str(CLIENT_SECONDS * 1000),
            "-o": str(directory),
        }
        # An extension belongs to no revision, and the suite would skip it.
        command = [*self._program, "client", "--force", *(word for pair in options.items() for word in pair)]
        begun = time.monotonic()
        said, status = _run(command, self._seconds)
        outcome = Outcome(
            task,
            suite_exit=status or 0,
            client_exit=int(found[1]) if (found := EXITED.search(said)) else 0,
            timed_out=status is None or TIMED_OUT.search(said) is not None,
            seconds=time.monotonic() - begun,
        )
        return _read_results(outcome, next(directory.rglob("checks.json"), None))

    def _ask(self, *arguments: str) -> str:
        done = subprocess.run([*self._program, *arguments], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise SuiteMissing(
                f"Expected the suite to run with {self._program[0]}, Node 22 or newer, got: {done.stderr.strip()[-400:]}"
            )
        return done.stdout

    def _read_requirements(self, revision: str) -> Requirements:
        required, _, others = self._ask("list", "--requirements", revision).partition("Run and reported")
        _, _, scored = required.partition("Client scenarios")
        if not scored:
            raise SuiteMissing(f"Expected the suite to list what {revision} requires of clients, got nothing.")
        unscored = tuple(name for name, leg in LISTED.findall(others) if leg == "client")
        return Requirements(revision, tuple(name for name, _ in LISTED.findall(scored)), unscored)

    def _wires(self, name: str, listed: str) -> list[str]:
        if listed != "extension":
            return listed.split(",")
        naming = [each.revision for each in self.requirements if name in each.unscored]
        return naming or [REVISIONS[-1]]


def pinned_version() -> str:
    """The version of the suite that `package.json` names."""
    package = json.loads((HERE / "node" / "package.json").read_text(encoding="utf-8"))
    return cast("str", package["dependencies"][PACKAGE])


def find_program() -> list[str]:
    """The suite, under the Node that npm installed beside it; where npm has none for this machine, under the system's."""
    if not (INSTALLED / PACKAGE).is_dir():
        raise SuiteMissing(f"Expected {PACKAGE} in {INSTALLED}, found none: run `make conformance`.")
    node = next(INSTALLED.glob("node-*/bin/node*"), None) or shutil.which("node")
    if node is None:
        raise SuiteMissing("Expected Node 22 or newer, found none.")
    return [str(node), str(INSTALLED / PACKAGE / "dist" / "index.js")]


def _run(command: list[str], seconds: float) -> tuple[str, int | None]:
    """What it said and its exit status; None where it had to be ended, with all that it had started."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, env=_environment()
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        return said, None
    return said, process.returncode


def _environment() -> dict[str, str]:
    """Ours, less what would configure Handstamp; and the client is found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANDSTAMP_")}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, [str(HERE.parent), kept.get("PYTHONPATH")]))}


def _read_results(outcome: Outcome, checks: Path | None) -> Outcome:
    """What the suite wrote down; a run that was ended has written nothing."""
    if checks is None:
        return outcome
    counted = count_checks(outcome, json.loads(checks.read_text(encoding="utf-8")))
    said = checks.with_name("stderr.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    found = ERROR.match(said[-1]) if said and outcome.client_exit == ENDED_IN_ERROR else None
    return replace(counted, error=found[1] if found else None)
