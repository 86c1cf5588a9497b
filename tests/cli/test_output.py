"""The only module that prints: which stream, which bytes."""

import io
import json
import sys

import pytest

from handstamp.errors import AccessDenied, UsageError, hint
from handstamp.model import Secret
from handstamp.output import Output, Styled


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Narrow(io.TextIOWrapper):
    """A stream of an encoding."""

    def __init__(self, encoding: str) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding)

    def shown(self) -> str:
        return self.bytes.getvalue().decode(self.encoding)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_data_goes_to_stdout_and_conversation_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()

    output.data("data")
    output.say("said")
    output.done("done")
    output.warn("warned")
    output.hint("run this")

    assert capsys.readouterr() == ("data\n", "said\n✓ done\n! warned\nhint: run this\n")


def test_a_document_begins_with_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    Output().document({"server": "ünï"})

    text = capsys.readouterr().out
    assert list(json.loads(text)) == ["version", "server"]
    assert text.isascii()


def test_an_error_is_its_message_and_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    Output().problem(UsageError("Expected this, got that.", hint=hint("status")))

    assert capsys.readouterr() == ("", "error: Expected this, got that.\nhint: handstamp status\n")


def test_an_error_cannot_move_the_cursor_or_break_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """TH1: what a server wrote draws, and does nothing else."""
    Output().problem(AccessDenied("It says: \x1b[2J\nerror: fake\u202e"))

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_table_lines_up_and_leaves_no_blanks_behind(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table([("A", "BB", "C"), ("long", Styled("x", "red"), "")])

    assert capsys.readouterr().out == "A      BB   C\nlong   x\n"


def test_a_table_lines_up_where_a_secret_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.hide([Secret("a-secret-of-the-person")])

    output.table([("NAME", "B"), ("a-secret-of-the-person", "x"), ("plain", "y")])

    assert capsys.readouterr().out == "NAME    B\n***     x\nplain   y\n"


@pytest.mark.parametrize(
    ("color", "variables", "expected"),
    [
        ("auto", {}, "\x1b[32m✓\x1b[0m done\n"),
        ("auto", {"NO_COLOR": "1"}, "✓ done\n"),
        ("auto", {"TERM": "dumb"}, "✓ done\n"),
        ("never", {}, "✓ done\n"),
        ("always", {"NO_COLOR": "1"}, "\x1b[32m✓\x1b[0m done\n"),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    color: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    output = Output()
    output.color = color  # type: ignore[assignment]

    output.done("done")

    assert screen.getvalue() == expected


def test_what_an_encoding_cannot_show_becomes_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = Narrow("ascii")
    monkeypatch.setattr(sys, "stderr", narrow)

    Output().say("✓ ● ○ ◐ – … ü")

    assert narrow.shown() == "OK * o ~ - ... \\xfc\n"


def test_a_status_line_is_cut_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that wraps cannot be redrawn in place."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)

    Output().status("x" * 500)

    assert screen.getvalue().startswith("\r\x1b[K")
    assert len(screen.getvalue()) < 90
