"""What all runs come to together: a table, the verdict of each revision's requirements, and what is wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from conformance.suite import Requirements
from conformance.verdict import Expected, Outcome, Task, Verdict, judge

__all__ = ["COUNTED_WIRE", "describe", "describe_requirements", "find_problems", "find_unmet"]

COUNTED_WIRE = "2025-11-25"
"""Where the peers' requests were counted."""
WIDEST = 45
"""Of the names of scenarios, about."""


def describe(outcome: Outcome, expected: Iterable[Expected]) -> str:
    """A line of the table, and under it what is wrong."""
    task, verdict, known = outcome.task, judge(outcome), _known(outcome, expected)
    counts = f"{outcome.passed}/{outcome.failed}/{outcome.warned}"
    reason = f", as expected: {known.reason}" if known and known.verdict is verdict else ""
    error = f" ({outcome.error})" if outcome.error else ""
    row = f"{task.scenario:{WIDEST}} {task.wire}  {counts:>7} {outcome.seconds:5.1f} s"
    line = f"{row}  {verdict.value}{error}{reason}"
    return "\n".join([line, *(f"    {problem}" for problem in outcome.problems)])


def describe_requirements(required: Requirements, outcomes: Sequence[Outcome]) -> str:
    """As `--requirements` would say, of runs that were judged alone and strictly."""
    unmet = find_unmet(required, outcomes)
    met, count = len(required.scored) - len(unmet), len(required.scored)
    return f"Requirements of {required.revision}: {met} of {count}{', not met by ' if unmet else ', met.'}{', '.join(unmet)}"


def find_unmet(required: Requirements, outcomes: Iterable[Outcome]) -> list[str]:
    """The scored scenarios that did not pass at the revision's wire."""
    passed = {each.task.scenario for each in outcomes if each.task.wire == required.revision and judge(each) is Verdict.PASSED}
    return [name for name in required.scored if name not in passed]


def find_problems(
    outcomes: Sequence[Outcome], expected: Sequence[Expected], *, offered: Iterable[Task], most: Mapping[str, int]
) -> Iterator[str]:
    """
    A sentence for all that is not as it should be; without any, the run is a success.

    `offered` are the suite's tasks, also those that were not run; `most` the requests that a scenario may take to its first tool
    call at `COUNTED_WIRE`.
    """
    for outcome in outcomes:
        known = _known(outcome, expected)
        wanted = known.verdict if known else Verdict.PASSED
        if judge(outcome) is not wanted:
            says = " as expected.toml says" if known else ""
            task = outcome.task
            yield f"Expected {task.scenario} at {task.wire} to be {wanted.value}{says}, got {judge(outcome).value}."
        yield from _find_excess(outcome, most)
    if not outcomes:
        yield "Expected scenarios to run, got none."
    tasks = list(offered)
    for entry in expected:
        if not any(entry.covers(task) for task in tasks):
            yield f"Expected {entry.scenario} of expected.toml among the suite's scenarios, got none of that name and wire."


def _find_excess(outcome: Outcome, most: Mapping[str, int]) -> Iterator[str]:
    scenario, seen = outcome.task.scenario, outcome.requests
    if outcome.task.wire != COUNTED_WIRE or scenario not in most or (seen is not None and seen <= most[scenario]):
        return
    yield f"Expected at most {most[scenario]} requests to the first tools/call in {scenario}, got {seen or 'no such call'}."


def _known(outcome: Outcome, expected: Iterable[Expected]) -> Expected | None:
    return next((entry for entry in expected if entry.covers(outcome.task)), None)
