"""
Runs the official suite against our client: each scenario alone, once a wire, and judges each run as strictly as it can be.

    make conformance                        everything
    make conformance ARGS="scope pre-"      the scenarios in whose name one of the words occurs
    make conformance ARGS="--record"        everything, and keeps the results for docs/reference/conformance.md

Exit code 0 if nothing failed, warned, timed out, crashed or was empty but what `expected.toml` says with its reason, and no flow
took more requests than any peer's.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from conformance.record import most_requests, write_record
from conformance.report import describe, describe_requirements, find_problems
from conformance.suite import Suite, SuiteMissing
from conformance.verdict import Expected, Outcome, Task, read_expected

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "build" / "conformance"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    options = read_options(arguments)
    shutil.rmtree(RESULTS, ignore_errors=True)
    try:
        suite = Suite(RESULTS)
    except SuiteMissing as error:
        say(str(error))
        return 1
    return run(suite, options, read_expected((HERE / "expected.toml").read_text(encoding="utf-8")))


def run(suite: Suite, options: argparse.Namespace, expected: Sequence[Expected]) -> int:
    """The exit code: 1 where anything is not as it should be."""
    offered = suite.tasks()
    chosen = [task for task in offered if is_chosen(task, options.words)]
    say(f"{len(chosen)} runs; suite {suite.version}, MCP SDK {version('mcp')}. Checks: passed/failed/warned.")
    outcomes = run_all(suite, chosen, expected, jobs=options.jobs)
    for revision in [] if options.words else suite.requirements:
        say(describe_requirements(revision, outcomes))
    problems = list(find_problems(outcomes, expected, offered=offered, most=most_requests()))
    for problem in problems:
        say(problem)
    if problems:
        say(f"{len(problems)} in all. What each run left lies in {suite.results}.")
    if options.record:
        write_record(suite, outcomes)
    return 1 if problems else 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make conformance", description="Run the official suite against our client.")
    parser.add_argument("words", nargs="*", help="run the scenarios in whose name or wire one of them occurs (without: all)")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once (default 2)")
    parser.add_argument("--record", action="store_true", help="keep the results for the documentation")
    options = parser.parse_args(arguments)
    if options.record and options.words:
        parser.error("expected no choice of scenarios with --record, got one")
    return options


def is_chosen(task: Task, words: Sequence[str]) -> bool:
    return not words or any(word in f"{task.scenario} {task.wire}" for word in words)


def run_all(suite: Suite, tasks: Sequence[Task], expected: Sequence[Expected], *, jobs: int) -> list[Outcome]:
    """In the order of the tasks; each is told as soon as it and those before it have ended."""
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(jobs) as pool:
        for outcome in pool.map(suite.run, tasks):
            outcomes.append(outcome)
            say(describe(outcome, expected))
    return outcomes


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
