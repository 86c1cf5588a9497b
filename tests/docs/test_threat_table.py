"""The page of threats is made of tests and of `later.py`, and says what is wrong with them."""

from pathlib import Path

import pytest

from threat_table import ROWS, Threats, read_threats, render_threats

UNKNOWN = f"TA{25}"

LATER = """
from types import SimpleNamespace
LATER = {row: SimpleNamespace(happens="It lies.", does="Listens to nobody.", work="hosts") for row in %r}
"""

TEST = '''
def test_tb1_a_lie_is_refused() -> None:
    """
    A document claims
    another's issuer.

    Refuses what is `a | b`.
    """


def test_tb1_another_lie_is_refused() -> None:
    """TB1 again, with any docstring."""
'''


def read(folder: Path, *, tests: str = TEST, later: list[str] | None = None) -> Threats:
    """What a folder with one file of tests comes to; without `later` every other row stands in `later.py`."""
    (folder / "test_tb.py").write_text(tests, "utf-8")
    (folder / "later.py").write_text(LATER % ([row for row in ROWS if row != "TB1"] if later is None else later), "utf-8")
    return read_threats(folder)


def lines(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("| T")]


def test_a_row_shows_the_docstring_of_its_first_test_and_leads_to_its_file(tmp_path: Path) -> None:
    threats = read(tmp_path)

    assert threats.problems == []
    assert (
        r"| TB1 | A document claims another's issuer. | Refuses what is `a \| b`. |"
        " [`test_tb1_a_lie_is_refused`](../../tests/threats/test_tb.py) |"
    ) in lines(render_threats(threats))


def test_a_row_without_a_test_names_the_work_that_brings_it(tmp_path: Path) -> None:
    shown = lines(render_threats(read(tmp_path)))

    assert len(shown) == len(ROWS)
    assert "| TJ6 | It lies. | Listens to nobody. | hosts |" in shown


def test_an_async_test_holds_a_row_too(tmp_path: Path) -> None:
    assert read(tmp_path, tests=TEST.replace("def test", "async def test", 1)).problems == []


def test_what_is_there_is_shown_even_where_rows_are_missing(tmp_path: Path) -> None:
    threats = read(tmp_path, later=["TA1"])

    assert [line.split()[1] for line in lines(render_threats(threats))] == ["TA1", "TB1"]
    assert "TA2: has neither a test nor an entry in later.py" in threats.problems


@pytest.mark.parametrize(
    ("tests", "later", "problem"),
    [
        (TEST, ROWS, "TB1: has a test and stands in later.py too"),
        (TEST, [row for row in ROWS if row not in ("TB1", "TC3")], "TC3: has neither a test nor an entry in later.py"),
        (TEST, [row for row in [*ROWS, UNKNOWN] if row != "TB1"], f"{UNKNOWN}: stands in later.py and is no row"),
        (TEST + "\n\ndef test_tb24_more() -> None: ...", None, "test_tb.py: test_tb24_more names no row of its file"),
        (TEST + "\n\ndef test_ta1_elsewhere() -> None: ...", None, "test_tb.py: test_ta1_elsewhere names no row of its file"),
        (TEST + "\n\ndef test_something() -> None: ...", None, "test_tb.py: test_something names no row of its file"),
        (
            'def test_tb1_a_lie() -> None:\n    """It lies."""',
            None,
            "TB1: the docstring of its first test, test_tb1_a_lie, is not two paragraphs",
        ),
        (
            "def test_tb1_a_lie() -> None: ...",
            None,
            "TB1: the docstring of its first test, test_tb1_a_lie, is not two paragraphs",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, tests: str, later: list[str] | None, problem: str) -> None:
    assert read(tmp_path, tests=tests, later=later).problems == [problem]
