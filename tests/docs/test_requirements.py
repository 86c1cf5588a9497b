"""Every requirement has tests that name it, or a reason why it does not apply; the page shows them."""

from pathlib import Path

import pytest

from requirement_table import ROWS, Requirements, read_requirements, render_requirements
from source_tree import REPOSITORY

TESTS = '''
def test_of_one() -> None:
    """A-64: the first."""


@pytest.mark.parametrize("row", ["A-70 to A-72"])
async def test_of_many(row: str) -> None:
    # A-65.
    pass


class TestClass:
    def test_inside(self) -> None:
        """A-66."""


def helper() -> None:
    """A-64."""
'''
GOOD = """level = "must"
requirement = "`resource` is sent | always."
tests = ["tests/test_some.py::test_of_one"]"""
REASON = 'level = "fact"\nrequirement = "It is so."\nreason = "Nothing to do."'
BARE = 'level = "must"\nrequirement = "It is so."'
UNKNOWN = f"A-{173}"
NEEDS = "needs level, requirement, and either tests or a reason; has"


def read(folder: Path, rows: dict[str, str]) -> Requirements:
    """What a file comes to in which these rows stand so, and all others with a reason."""
    (folder / "tests").mkdir()
    (folder / "tests" / "test_some.py").write_text(TESTS, "utf-8")
    tables = dict.fromkeys(ROWS, REASON) | rows
    file = folder / "requirements.toml"
    file.write_text("\n".join(f"[{row}]\n{text}" for row, text in tables.items() if text), "utf-8")
    return read_requirements(file, folder)


def with_tests(*names: str) -> str:
    return f"{BARE}\ntests = {[f'tests/test_some.py::{name}' for name in names]}"


def test_every_requirement_has_tests_that_name_it_or_a_reason() -> None:
    requirements = read_requirements(REPOSITORY / "tests" / "requirements.toml", REPOSITORY)

    assert requirements.problems == []
    assert list(requirements.rows) == ROWS
    assert [row for row, each in requirements.rows.items() if bool(each.tests) is bool(each.reason)] == []


def test_a_test_may_name_its_row_anywhere_in_its_text_and_several_at_once(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "A-64": with_tests("test_of_one"),
            "A-65": with_tests("test_of_many"),
            "A-66": with_tests("TestClass::test_inside"),
            "A-71": with_tests("test_of_many"),
        },
    )

    assert found.problems == []
    assert found.rows["A-66"].tests == ("tests/test_some.py::TestClass::test_inside",)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ({"A-64": ""}, "A-64: has no entry"),
        ({UNKNOWN: REASON}, f"{UNKNOWN}: is no row"),
        ({"A-64": with_tests("test_of_nobody")}, "A-64: tests/test_some.py::test_of_nobody does not exist"),
        ({"A-64": with_tests("helper")}, "A-64: tests/test_some.py::helper does not exist"),
        ({"A-64": with_tests("test_inside")}, "A-64: tests/test_some.py::test_inside does not exist"),
        ({"A-64": GOOD.replace("test_some", "test_none")}, "A-64: tests/test_none.py::test_of_one does not exist"),
        ({"A-64": GOOD.replace("tests/", "../")}, "A-64: ../test_some.py::test_of_one does not exist"),
        ({"A-65": with_tests("test_of_one")}, "A-65: tests/test_some.py::test_of_one does not name it"),
        ({"A-73": with_tests("test_of_many")}, "A-73: tests/test_some.py::test_of_many does not name it"),
        ({"A-64": with_tests("test_of_one", "test_of_one")}, "A-64: tests/test_some.py::test_of_one is listed twice"),
        ({"A-64": f'{GOOD}\nreason = "None."'}, f"A-64: {NEEDS} level, requirement, tests, reason"),
        ({"A-64": BARE}, f"A-64: {NEEDS} level, requirement"),
        ({"A-64": f"{GOOD}\nlater = true"}, f"A-64: {NEEDS} level, requirement, tests, later"),
        ({"A-64": f"{BARE}\ntests = []"}, "A-64: its tests are no list of names"),
        ({"A-64": f"{BARE}\ntests = [1]"}, "A-64: its tests are no list of names"),
        ({"A-64": f'{BARE}\nreason = " "'}, "A-64: its reason is no text"),
        ({"A-64": GOOD.replace("must", "perhaps")}, "A-64: its level is none of must, should, may, ours, fact"),
    ],
)
def test_what_is_wrong_is_said(rows: dict[str, str], problem: str, tmp_path: Path) -> None:
    assert read(tmp_path, rows).problems == [problem]


def test_the_page_keeps_its_words_and_shows_the_first_test_or_the_reason(tmp_path: Path) -> None:
    requirements = read(tmp_path, {"A-64": GOOD, "A-65": with_tests("test_of_many", "test_of_many")})
    page = "Words.\n\n| A-64 | old |\n| A-65 | x |\n| A-66 | x |\n| B-1 | stays |\n"

    shown = render_requirements(page, requirements)

    assert shown == (
        "Words.\n\n"
        r"| A-64 | must | `resource` is sent \| always. | [`test_of_one`](../../tests/test_some.py) |" + "\n"
        "| A-65 | must | It is so. | [`test_of_many`](../../tests/test_some.py) and 1 more |\n"
        "| A-66 | fact | It is so. | Nothing to do. |\n| B-1 | stays |\n"
    )
