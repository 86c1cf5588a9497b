"""The rows that code and tests name exist, each once, in the two documents that explain them."""

import re
from collections import Counter
from pathlib import Path

import pytest

from requirement_table import ROWS as REQUIRED
from source_tree import REPOSITORY
from threat_table import ROWS

REQUIREMENTS = REPOSITORY / "docs" / "reference" / "requirements.md"
THREATS = REPOSITORY / "docs" / "concepts" / "threats.md"

A_IDS = set(REQUIRED)
T_IDS = set(ROWS)
WORK = {"conformance", "endurance", "hosts", "web"}

NAMED = re.compile(r"\b(A-\d+|T[A-J]\d+)\b")


def rows(document: Path) -> list[list[str]]:
    """The cells of each table row whose first cell is an id."""
    lines = document.read_text(encoding="utf-8").splitlines()
    table = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("|")]
    return [cells for cells in table if NAMED.fullmatch(cells[0])]


@pytest.mark.parametrize(("document", "ids"), [(REQUIREMENTS, A_IDS), (THREATS, T_IDS)], ids=["requirements", "threats"])
def test_every_row_is_there_exactly_once(document: Path, ids: set[str]) -> None:
    found = Counter(cells[0] for cells in rows(document))

    assert found == Counter(dict.fromkeys(ids, 1))


def test_every_requirement_is_complete() -> None:
    for cells in rows(REQUIREMENTS):
        assert len(cells) == 4, cells
        assert all(cells), cells


def test_every_threat_is_complete_and_names_its_test_or_the_work_that_brings_it() -> None:
    for cells in rows(THREATS):
        assert len(cells) == 4, cells
        assert all(cells), cells
        assert cells[-1] in WORK or f"test_{cells[0].lower()}_" in cells[-1], cells


@pytest.mark.parametrize("folder", ["src", "tests", "docs", "mutation"])
def test_no_row_is_named_that_does_not_exist(folder: str) -> None:
    files = [
        file for suffix in ("*.py", "*.md") for file in (REPOSITORY / folder).rglob(suffix) if "node_modules" not in file.parts
    ]
    unknown = {
        f"{file.relative_to(REPOSITORY)}: {name}"
        for file in files
        for name in NAMED.findall(file.read_text(encoding="utf-8"))
        if name not in A_IDS | T_IDS
    }

    assert unknown == set()


def test_every_decision_has_its_paragraph() -> None:
    """Code names them as 4.1 to 4.14: section 4 of the requirements, "Where the texts leave room"."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    decisions = text.partition("## Where the texts leave room")[2]

    assert re.findall(r"^(\d+)\. \*\*", decisions, re.MULTILINE) == [str(number) for number in range(1, 15)]
