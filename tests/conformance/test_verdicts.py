"""A run of the conformance suite is a success only where every scenario is, by the strictest reading of it."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.__main__ import read_options, run
from conformance.report import describe, describe_requirements, find_problems
from conformance.suite import Requirements, Suite, SuiteMissing, pinned_version
from conformance.verdict import ENDED_IN_ERROR, Expected, Outcome, Task, Verdict, count_checks, judge, read_expected

TASK = Task("auth/scope-step-up", "2025-11-25")
PASSED = Outcome(TASK, passed=10)

BAD = {
    Verdict.TIMED_OUT: replace(PASSED, timed_out=True),
    Verdict.CRASHED: replace(PASSED, client_exit=1),
    Verdict.FAILED: replace(PASSED, failed=1, suite_exit=1),
    Verdict.WARNED: replace(PASSED, warned=1, suite_exit=1),
    Verdict.EMPTY: replace(PASSED, passed=0),
    Verdict.REFUSED: replace(PASSED, client_exit=ENDED_IN_ERROR, suite_exit=1),
}


def problems(*outcomes: Outcome, expected: tuple[Expected, ...] = (), most: Mapping[str, int] | None = None) -> list[str]:
    return list(find_problems(outcomes, expected, offered=[TASK], most=most or {}))


def check(status: str, name: str = "a-check", **details: object) -> dict[str, object]:
    return {"id": name, "status": status, "description": "what it is about", "details": details}


def test_a_scenario_whose_checks_all_pass_is_no_problem() -> None:
    assert judge(PASSED) is Verdict.PASSED
    assert problems(PASSED) == []


def test_a_refusal_that_the_suite_allows_is_no_problem() -> None:
    refused = replace(PASSED, client_exit=ENDED_IN_ERROR)

    assert problems(refused) == []


@pytest.mark.parametrize("verdict", BAD, ids=lambda verdict: verdict.name)
def test_anything_else_is_a_problem(verdict: Verdict) -> None:
    found = problems(BAD[verdict])

    assert judge(BAD[verdict]) is verdict
    assert found == [f"Expected auth/scope-step-up at 2025-11-25 to be passed, got {verdict.value}."]


def test_every_way_to_fail_is_among_these() -> None:
    assert {*BAD, Verdict.PASSED} == set(Verdict)


def test_no_scenario_at_all_is_a_problem() -> None:
    assert problems() == ["Expected scenarios to run, got none."]


def test_what_is_expected_with_its_reason_is_no_problem() -> None:
    known = Expected(TASK.scenario, Verdict.WARNED, "the suite counts the wrong scope")

    assert problems(BAD[Verdict.WARNED], expected=(known,)) == []
    assert describe(BAD[Verdict.WARNED], [known]).endswith("warned, as expected: the suite counts the wrong scope")


@pytest.mark.parametrize("outcome", [PASSED, BAD[Verdict.FAILED]], ids=["passes", "fails otherwise"])
def test_an_expectation_that_no_longer_holds_is_a_problem(outcome: Outcome) -> None:
    known = Expected(TASK.scenario, Verdict.WARNED, "the suite counts the wrong scope")

    (problem,) = problems(outcome, expected=(known,))

    assert problem.startswith("Expected auth/scope-step-up at 2025-11-25 to be warned as expected.toml says, got ")


@pytest.mark.parametrize(
    "known",
    [Expected("auth/no-such", Verdict.EMPTY, "why"), Expected(TASK.scenario, Verdict.EMPTY, "why", wires=("2026-07-28",))],
    ids=["scenario", "wire"],
)
def test_an_expectation_of_what_the_suite_does_not_offer_is_a_problem(known: Expected) -> None:
    (problem,) = problems(PASSED, expected=(known,))

    assert problem.startswith(f"Expected {known.scenario} of expected.toml among the suite's scenarios")


@pytest.mark.parametrize(("requests", "sentence"), [(11, "got 11."), (None, "got no such call.")])
def test_more_requests_than_any_peer_are_a_problem(requests: int | None, sentence: str) -> None:
    (problem,) = problems(replace(PASSED, requests=requests), most={TASK.scenario: 10})

    assert problem.endswith(sentence)
    assert problems(replace(PASSED, requests=10), most={TASK.scenario: 10}) == []


def test_requests_are_counted_to_the_first_call_of_a_tool() -> None:
    checks: list[dict[str, Any]] = [
        check("INFO", "incoming-request", mcpMethod="initialize"),
        check("INFO", "outgoing-response", statusCode=401),
        check("INFO", "incoming-auth-request", path="/token"),
        check("SUCCESS", "token-request"),
        check("INFO", "incoming-request", mcpMethod="tools/call"),
        check("INFO", "incoming-request", mcpMethod="tools/call"),
    ]

    assert count_checks(PASSED, checks).requests == 3
    assert count_checks(PASSED, checks[:4]).requests is None


def test_a_revisions_requirements_are_met_at_its_own_wire_alone() -> None:
    required = Requirements("2026-07-28", scored=(TASK.scenario,), unscored=())

    assert describe_requirements(required, [PASSED]) == "Requirements of 2026-07-28: 0 of 1, not met by auth/scope-step-up"
    there = replace(PASSED, task=Task(TASK.scenario, "2026-07-28"))
    assert describe_requirements(required, [PASSED, there]) == "Requirements of 2026-07-28: 1 of 1, met."


def test_expectations_are_read_with_their_reasons() -> None:
    text = '[[expected]]\nscenario = "a"\nverdict = "empty"\nreason = "why"\nwires = ["2026-07-28"]\n'

    assert read_expected(text) == [Expected("a", Verdict.EMPTY, "why", ("2026-07-28",))]
    assert read_expected("") == []


# A suite of one good and one bad scenario, and one that hangs.
SUITE = """
import json, pathlib, sys, time
match sys.argv[1:]:
    case ["--version"]:
        print("VERSION")
    case ["list", "--client"]:
        print("Client scenarios (…):\\n  - a/good [2025-11-25,2026-07-28]\\n  - a/bad [extension]\\n  - hangs [2026-07-28]")
    case ["list", "--requirements", revision]:
        print("Server scenarios (…):\\n  - a-server\\n\\nClient scenarios (…):\\n  - a/good\\n")
        print("Run and reported, but never scored:\\n  extension (2):\\n    - a/bad [client]\\n    - another [server]")
    case ["client", *options]:
        name, directory = (options[options.index(option) + 1] for option in ("--scenario", "-o"))
        if name == "hangs":
            time.sleep(60)
        left = pathlib.Path(directory, name + "-2026")
        left.mkdir(parents=True)
        checks = [{"id": "one", "status": "SUCCESS"}]
        if name.endswith("bad"):
            checks += [{"id": "two", "status": "FAILURE", "description": "what"}]
            print("\\nClient exited with code 3\\n", file=sys.stderr)
        (left / "checks.json").write_text(json.dumps(checks))
        (left / "stderr.txt").write_text("Signing in …\\nissuer_mismatch: Expected one, got another.\\n")
        sys.exit(len(checks) - 1)
"""


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    """As `find_program` gives the real one."""
    file = tmp_path / "suite.py"
    file.write_text(SUITE.replace("VERSION", pinned_version()), encoding="utf-8")
    return [sys.executable, "-S", "-E", str(file)]


def test_the_suite_says_what_there_is_to_run(program: list[str], tmp_path: Path) -> None:
    suite = Suite(tmp_path, program=program)

    assert suite.tasks() == [
        Task("a/good", "2025-11-25"),
        Task("a/good", "2026-07-28"),
        Task("a/bad", "2025-11-25", is_extension=True),
        Task("a/bad", "2026-07-28", is_extension=True),
        Task("hangs", "2026-07-28"),
    ]
    assert suite.requirements[0] == Requirements("2025-11-25", scored=("a/good",), unscored=("a/bad",))


def test_a_run_is_read_from_what_it_left(program: list[str], tmp_path: Path) -> None:
    task = Task("a/bad", "2025-11-25")

    outcome = Suite(tmp_path, program=program).run(task)

    assert replace(outcome, seconds=0) == Outcome(
        task,
        passed=1,
        failed=1,
        problems=("two: what",),
        suite_exit=1,
        client_exit=ENDED_IN_ERROR,
        error="issuer_mismatch",
    )


def test_a_scenario_is_not_taken_for_one_whose_name_goes_on(program: list[str], tmp_path: Path) -> None:
    suite = Suite(tmp_path, program=program)

    longer, outcome = (suite.run(Task(name, "2025-11-25")) for name in ("a/good-bad", "a/good"))

    assert (longer.failed, outcome.failed) == (1, 0)


@pytest.mark.parametrize(
    ("word", "verdict", "exit_code"),
    [("good", "passed", 0), ("bad", "failed", 1), ("hangs", "timed out", 1), ("none", "0 runs", 1)],
)
def test_the_exit_code_tells(
    word: str, verdict: str, exit_code: int, program: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = Suite(tmp_path, program=program, seconds=20.0 if word != "hangs" else 0.3)

    assert run(suite, read_options([word]), expected=[]) == exit_code

    assert verdict in capsys.readouterr().out


def test_another_version_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    program = [sys.executable, "-S", "-E", "-c", "print('0.1.16')"]

    with pytest.raises(SuiteMissing, match=r"got 0\.1\.16"):
        Suite(tmp_path, program=program)


def test_a_suite_that_does_not_start_says_why(tmp_path: Path) -> None:
    program = [sys.executable, "-S", "-E", "-c", "raise SystemExit('globSync is not a function')"]

    with pytest.raises(SuiteMissing, match="globSync"):
        Suite(tmp_path, program=program)
