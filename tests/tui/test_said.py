"""Somebody else's words only draw."""

from collections.abc import Callable

import pytest
from rich.text import Text
from textual.content import Content

from handstamp.tui.said import block, cell, line


@pytest.mark.parametrize("make", [line, block, cell], ids=["line", "block", "cell"])
@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2J",
        "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
        "\x9b2J",
        "\u202etxt.exe",
        "a\u200bb",
        "\U000e0041",
        "a\rb",
        "a\x08b",
    ],
)
def test_what_a_terminal_would_act_on_is_shown_as_its_escape(make: Callable[[str], Content | Text], text: str) -> None:
    """TH1, TH2."""
    shown = make(text).plain

    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("text", ["[red]no[/]", "[link=file:///etc/passwd]x[/link]", "[@click=app.quit]x[/]", "\\[b]x"])
def test_brackets_are_brackets(text: str) -> None:
    """TH3."""
    assert line(text).plain == block(text).plain == cell(text).plain == text
    assert line(text).spans == []
    assert cell(text).spans == []
