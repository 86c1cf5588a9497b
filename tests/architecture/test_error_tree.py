"""The tree that `errors.py` draws is the tree that it builds."""

import re

import pytest

from handstamp import errors
from handstamp.errors import HandstampError, UsageError, find_error, hint

LINE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)\b.*?(?P<exit_code> \d+)?$")


def drawn() -> dict[str, tuple[str | None, int | None]]:
    """Each name of the docstring's tree with its parent's, and the exit code at the end of its line where there is one."""
    tree: dict[str, tuple[str | None, int | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").split("\n\n")[1].splitlines():
        found = LINE.match(line)
        assert found, line
        depth = len(found["indent"]) // 3
        above[depth:] = [found["name"]]
        tree[found["name"]] = (above[depth - 1] if depth else None, int(found["exit_code"]) if found["exit_code"] else None)
    return tree


def descendants(cls: type[HandstampError]) -> list[type[HandstampError]]:
    return [cls, *(below for child in cls.__subclasses__() for below in descendants(child))]


# A private one is a module's own note on an error of the tree; whoever catches it catches that.
ALL = [cls for cls in descendants(HandstampError) if cls.__module__.startswith("handstamp.") and not cls.__name__.startswith("_")]
ids = [cls.__name__ for cls in ALL]


def test_the_drawn_tree_names_every_error_and_no_other() -> None:
    assert set(drawn()) == set(ids)


@pytest.mark.parametrize("cls", ALL, ids=ids)
def test_each_error_stands_under_its_base_in_the_drawn_tree(cls: type[HandstampError]) -> None:
    parent, exit_code = drawn()[cls.__name__]

    assert [base.__name__ for base in cls.__bases__] == [parent or "Exception"]
    assert exit_code in (None, cls.exit_code)


@pytest.mark.parametrize("cls", ALL, ids=ids)
def test_each_error_has_a_docstring_and_lives_in_errors(cls: type[HandstampError]) -> None:
    assert cls.__doc__
    assert cls.__module__ == "handstamp.errors"
    assert cls.__name__ in errors.__all__


def test_codes_are_unique_and_lower_snake() -> None:
    codes = [cls.code for cls in ALL]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


def test_find_error_looks_through_groups_and_causes() -> None:
    ours = errors.LoginRequired("Sign in first.")
    wrapped = RuntimeError("theirs")
    wrapped.__cause__ = ours
    group = BaseExceptionGroup("tasks", [ValueError("other"), ExceptionGroup("inner", [wrapped])])

    assert find_error(group) is ours
    assert find_error(ValueError("other")) is None


def test_a_hint_that_an_error_is_given_later_is_looked_at_for_secrets_too(said_by_errors: list[str]) -> None:
    error = UsageError("Expected this, got that.")

    error.hint = hint("status")

    assert "Expected this, got that." in said_by_errors
    assert "handstamp status" in said_by_errors
