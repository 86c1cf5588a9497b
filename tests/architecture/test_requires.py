"""The rule by which a missing tool is a skip for a person and a failure for continuous integration."""

import pytest

from requires import COMMANDS, require


def test_a_missing_tool_skips_the_test_on_a_persons_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANDSTAMP_REQUIRE", raising=False)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(pytest.skip.Exception, match="node is not installed"):
        require("node")


def test_a_missing_tool_fails_the_test_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDSTAMP_REQUIRE", "all")
    monkeypatch.setenv("PATH", "")

    with pytest.raises(pytest.fail.Exception, match="chromium is not installed"):
        require("chromium")


def test_a_tool_that_is_installed_is_given_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "shell", ("absent-for-sure", "sh"))

    assert require("shell").endswith("sh")
