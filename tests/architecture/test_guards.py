"""What `make mutate` takes out is there to be taken out, and nothing that stands against a threat is left out of it."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

from mutation.guards import all_guards
from mutation.unguarded import UNGUARDED
from source_tree import PACKAGE, REPOSITORY
from threat_table import read_threats

GUARDS = all_guards()
TESTED = set(read_threats(REPOSITORY / "tests" / "threats").tests)
GUARDED = {row for guard in GUARDS for row in guard.rows}


@cache
def functions_in(path: Path) -> set[str]:
    """As the end of their node ids."""
    return {
        f"{outer.name}::{node.name}" if isinstance(outer, ast.ClassDef) else node.name
        for outer in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(outer, ast.Module | ast.ClassDef)
        for node in outer.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_guard_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(guard.name for guard in GUARDS).items() if count > 1] == []


def test_the_text_of_a_guard_stands_in_the_code_exactly_once() -> None:
    """And without it the file is still Python: what breaks everything is noticed by every test."""
    for edit in (edit for guard in GUARDS for edit in guard.edits):
        ast.parse(edit.apply(PACKAGE))


def test_a_guard_serves_rows_and_tests_that_exist() -> None:
    for guard in GUARDS:
        assert guard.edits, guard.name
        assert guard.rows or guard.tests, guard.name
        assert set(guard.rows) <= TESTED, guard.name
    for test in (test for guard in GUARDS for test in guard.tests):
        file, _, name = test.partition("::")
        assert name in functions_in(REPOSITORY / file), test


def test_every_threat_that_has_a_test_has_a_guard_or_a_reason_why_not() -> None:
    assert TESTED - GUARDED - set(UNGUARDED) == set()


def test_a_reason_is_given_only_where_there_is_no_guard() -> None:
    assert set(UNGUARDED) <= TESTED - GUARDED
    assert all(UNGUARDED.values())
