"""How `make mutate` judges what pytest says of a tree without a guard."""

import pytest

from mutation.__main__ import choose, find_green, serves
from mutation.guard import Edit, Guard, TextMoved
from source_tree import PACKAGE

ROW_TEST = "tests/threats/test_tb.py::test_tb1_a_document_is_refused[other]"
NODE = "tests/weaknesses/test_issuer.py::test_a_slash"
GUARD = Guard("the issuer is compared", (), rows=("TB1", "TB11"), tests=(NODE,))


def test_a_row_is_missed_by_one_of_its_own_tests_and_a_test_by_itself() -> None:
    assert find_green(GUARD, [ROW_TEST, ROW_TEST.replace("tb1", "tb11"), f"{NODE}[here]"]) == []
    assert find_green(GUARD, [ROW_TEST, f"{NODE}_elsewhere"]) == ["TB11", NODE]
    assert find_green(GUARD, []) == ["TB1", "TB11", NODE]


@pytest.mark.parametrize(("test", "expected"), [(ROW_TEST, True), (NODE, True), (f"{NODE}_elsewhere", False)])
def test_a_test_that_was_red_before_spoils_its_own_guards_alone(test: str, expected: bool) -> None:
    assert serves(GUARD, test) is expected


@pytest.mark.parametrize("old", ["no such text", "import"])
def test_a_text_that_has_moved_or_stands_there_twice_is_no_guard(old: str) -> None:
    with pytest.raises(TextMoved):
        Edit("vault.py", old, "").apply(PACKAGE)


def test_guards_are_chosen_by_row_or_by_words_of_their_names() -> None:
    assert {row for guard in choose(["ti1"]) for row in guard.rows} >= {"TI1"}
    assert all("presenter" in guard.name for guard in choose(["presenter"]))
    assert choose(["presenter"])
    assert choose(["no such guard"]) == []
