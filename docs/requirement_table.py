"""The page of requirements: its tables are made from `tests/requirements.toml`, which says for each row which tests show it."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

__all__ = ["ROWS", "Requirement", "Requirements", "read_requirements", "render_requirements"]

ROWS = [f"A-{number:02}" for number in range(1, 173)]
LEVELS = ("must", "should", "may", "ours", "fact")
SUBJECT = {"level", "requirement"}

NAMED = re.compile(r"\bA-(\d{2,3})(?: to A-(\d{2,3}))?\b")


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a row asks, and the tests that show it, or the reason why it does not apply."""

    level: str
    requirement: str
    tests: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What `tests/requirements.toml` says of the rows, and what is wrong with it."""

    rows: dict[str, Requirement]
    problems: list[str]


def read_requirements(file: Path, repository: Path) -> Requirements:
    """Reads the file, and looks each test up in its source without running it."""
    tables: dict[str, dict[str, object]] = tomllib.loads(file.read_text("utf-8"))
    rows: dict[str, Requirement] = {}
    problems = [f"{row}: has no entry" for row in ROWS if row not in tables]
    for row, table in tables.items():
        wrong = list(_find_wrong_members(row, table))
        problems += wrong
        if not wrong:
            rows[row] = _read(table)
            problems += _find_wrong_tests(row, rows[row].tests, repository)
    return Requirements(rows, problems)


def _find_wrong_members(row: str, table: dict[str, object]) -> Iterator[str]:
    if row not in ROWS:
        yield f"{row}: is no row"
    if set(table) not in (SUBJECT | {"tests"}, SUBJECT | {"reason"}):
        yield f"{row}: needs level, requirement, and either tests or a reason; has {', '.join(table) or 'nothing'}"
        return
    if table["level"] not in LEVELS:
        yield f"{row}: its level is none of {', '.join(LEVELS)}"
    for name in sorted(set(table) - {"level", "tests"}):
        if not isinstance(table[name], str) or not str(table[name]).strip():
            yield f"{row}: its {name} is no text"
    tests = table.get("tests", ["some"])
    if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in cast("list[object]", tests)):
        yield f"{row}: its tests are no list of names"


def _read(table: dict[str, object]) -> Requirement:
    tests = cast("list[str]", table.get("tests", []))
    return Requirement(str(table["level"]), str(table["requirement"]), tuple(tests), str(table.get("reason", "")))


def _find_wrong_tests(row: str, tests: tuple[str, ...], repository: Path) -> Iterator[str]:
    for test, count in Counter(tests).items():
        file, _, name = test.partition("::")
        source = _sources(repository / file).get(name) if file.startswith("tests/") else None
        if source is None:
            yield f"{row}: {test} does not exist"
        elif row not in _named_in(source):
            yield f"{row}: {test} does not name it"
        if count > 1:
            yield f"{row}: {test} is listed twice"


@cache
def _sources(file: Path) -> dict[str, str]:
    """
    The text of each test of a file by its name, `TestClass::test_name` in a class, from its first decorator on. A contract's are
    tests of whatever inherits it.
    """
    if not file.is_file():
        return {}
    text = file.read_text("utf-8")
    lines = text.splitlines()
    return {name: "\n".join(lines[_first_line(test) - 1 : test.end_lineno]) for name, test in _find_tests(ast.parse(text), "")}


def _find_tests(place: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in place.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or node.name.endswith("Contract")):
            yield from _find_tests(node, f"{prefix}{node.name}::")


def _first_line(test: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([test.lineno, *(decorator.lineno for decorator in test.decorator_list)])


def _named_in(text: str) -> set[str]:
    """`A-64 to A-66` names three."""
    return {
        f"A-{number:02}"
        for first, last in NAMED.findall(text)
        for number in range(int(first), int(last or first) + 1)
    }  # fmt: skip


def render_requirements(page: str, requirements: Requirements) -> str:
    """The page with its rows written anew; all that stands between the tables stays."""
    return "".join(_render_line(line, requirements) for line in page.splitlines(keepends=True))


def _render_line(line: str, requirements: Requirements) -> str:
    found = re.match(r"\| (A-\d+) \|", line)
    requirement = None if found is None else requirements.rows.get(found[1])
    if found is None or requirement is None:
        return line
    cells = [found[1], requirement.level, requirement.requirement, _render_last_cell(requirement)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _render_last_cell(requirement: Requirement) -> str:
    if not requirement.tests:
        return requirement.reason
    file, _, name = requirement.tests[0].partition("::")
    more = len(requirement.tests) - 1
    return f"[`{name}`](../../{file})" + (f" and {more} more" if more else "")
