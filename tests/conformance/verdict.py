"""
What a run of one scenario came to: counted out of what the suite left, and judged.

Stricter than the suite, whose exit code is only one voice: a warning is a failure, and so is a scenario in which nothing was
checked, which a client that does nothing at all would pass.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

__all__ = [
    "ENDED_IN_ERROR",
    "Expected",
    "Outcome",
    "Task",
    "Verdict",
    "count_checks",
    "count_requests",
    "judge",
    "read_expected",
]

ENDED_IN_ERROR = 3
"""The exit code of our client where Handstamp said why it may not go on. Any other but 0 is a crash."""


class Verdict(Enum):
    """In the order in which they are looked for: the first that fits."""

    TIMED_OUT = "timed out"
    CRASHED = "crashed"
    FAILED = "failed"
    WARNED = "warned"
    EMPTY = "empty"
    REFUSED = "refused"
    """All checks passed, and the suite's exit code says no: the client ended in an error where it should not."""
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Task:
    """A scenario at a revision's wire. That of an extension belongs to no revision, and runs at all that name it."""

    scenario: str
    wire: str
    is_extension: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run left behind."""

    task: Task
    passed: int = 0
    failed: int = 0
    warned: int = 0
    problems: tuple[str, ...] = ()
    """Of every check that failed or warned, its id and what it says."""
    suite_exit: int = 0
    client_exit: int = 0
    timed_out: bool = False
    error: str | None = None
    """The `code` of Handstamp's error, where the client ended in one."""
    requests: int | None = None
    """Up to the first `tools/call`, that one too; None where there was none."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What a scenario is known to come to, for a reason that is not ours to mend."""

    scenario: str
    verdict: Verdict
    reason: str
    wires: tuple[str, ...] = ()
    """Empty: all."""

    def covers(self, task: Task) -> bool:
        return task.scenario == self.scenario and (not self.wires or task.wire in self.wires)


def judge(outcome: Outcome) -> Verdict:
    """The strictest reading of it."""
    if outcome.timed_out:
        return Verdict.TIMED_OUT
    if outcome.client_exit not in (0, ENDED_IN_ERROR):
        return Verdict.CRASHED
    if outcome.failed:
        return Verdict.FAILED
    if outcome.warned:
        return Verdict.WARNED
    if not outcome.passed:
        return Verdict.EMPTY
    return Verdict.REFUSED if outcome.suite_exit else Verdict.PASSED


def count_checks(outcome: Outcome, checks: Sequence[Mapping[str, Any]]) -> Outcome:
    """The outcome with what `checks.json` says."""
    passed, failed, warned = (
        [check for check in checks if check["status"] == status] for status in ("SUCCESS", "FAILURE", "WARNING")
    )
    return replace(
        outcome,
        passed=len(passed),
        failed=len(failed),
        warned=len(warned),
        problems=tuple(f"{each['id']}: {each.get('errorMessage') or each['description']}" for each in failed + warned),
        requests=count_requests(checks),
    )


def count_requests(checks: Iterable[Mapping[str, Any]]) -> int | None:
    """How many requests the suite's servers saw until the first tool was called, that call too. They note each."""
    count = 0
    for check in checks:
        if str(check["id"]).startswith("incoming-"):
            count += 1
            if check.get("details", {}).get("mcpMethod") == "tools/call":
                return count
    return None


def read_expected(text: str) -> list[Expected]:
    """The entries of `expected.toml`."""
    return [
        Expected(each["scenario"], Verdict(each["verdict"]), each["reason"], tuple(each.get("wires", ())))
        for each in tomllib.loads(text).get("expected", [])
    ]
