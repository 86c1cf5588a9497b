"""What a good terminal program does: leaves as it came, needs no colour, follows the window."""

import os
import re
import signal

import pytest

from commands import Home
from terminal.conftest import StartTerminal
from terminal.hostile_server import hostile_server
from terminal.journeys import assert_left_clean, leave, open_app

COLOUR = re.compile(r"[34]8;2;(\d+);(\d+);(\d+)")


@pytest.fixture
def open_server(home: Home) -> None:
    """One that needs nobody and is never reached."""
    home.name("notes", "http://127.0.0.1:9/mcp")


@pytest.mark.usefixtures("open_server")
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_it_leaves_the_terminal_as_it_found_it(terminal: StartTerminal, columns: int, rows: int) -> None:
    shown = terminal(columns=columns, rows=rows)
    open_app(shown, "notes")

    leave(shown)


@pytest.mark.usefixtures("open_server")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was_found(terminal: StartTerminal, number: signal.Signals) -> None:
    shown = terminal()
    open_app(shown, "notes")

    os.kill(shown.program(), number)

    assert_left_clean(shown)


@pytest.mark.usefixtures("open_server")
def test_without_colour_everything_is_still_said(terminal: StartTerminal, home: Home) -> None:
    home.environ["NO_COLOR"] = "1"
    shown = terminal()

    open_app(shown, "notes", "unreachable")

    colours = set(COLOUR.findall(shown.colours))
    assert colours
    assert all(red == green == blue for red, green, blue in colours)
    leave(shown)


@pytest.mark.usefixtures("open_server")
def test_the_window_may_become_narrow_and_wide_again(terminal: StartTerminal) -> None:
    shown = terminal(columns=120, rows=40)
    open_app(shown, "notes", "Overview")

    shown.resize(80, 24)
    shown.wait_for("notes", without=["Overview"])
    shown.press("Enter")
    shown.wait_for("Overview")
    shown.resize(120, 40)
    shown.wait_for("notes", "Overview")

    leave(shown)


@pytest.mark.usefixtures("open_server")
def test_suspended_and_taken_up_again(terminal: StartTerminal) -> None:
    shown = terminal()
    open_app(shown, "notes")

    shown.press("C-z")
    shown.wait_until(lambda: True if shown.ask("alternate_on") == "0" else None, "the shell's own screen")
    shown.run("fg")

    shown.wait_until(lambda: True if shown.ask("alternate_on") == "1" else None, "the app's screen")
    shown.wait_for("unreachable")
    leave(shown)


def test_nothing_that_a_server_says_reaches_the_terminal_as_more_than_text(terminal: StartTerminal, home: Home) -> None:
    """TH1, TH2, TH3: the same words in the title, on the clipboard or at the cursor would be the terminal's to act on."""
    with hostile_server() as url:
        home.name("evil", url)
        shown = terminal(columns=120, rows=40)
        open_app(shown, "connected")
        title = shown.ask("pane_title")

        for tab, words in {"1": "instructions", "2": "tool-text", "3": "Granted"}.items():
            shown.press(tab)
            shown.wait_for(words)
        shown.press("2")
        shown.wait_for("tool-text")
        shown.press("Enter")
        shown.wait_for("⏎ Try")
        shown.press("Enter")
        shown.wait_for("Call tool", r"\x1b[2J")

        assert (shown.copied, shown.ask("pane_title")) == ("", title)
        shown.press("Escape")
        shown.wait_for("Servers")
        leave(shown)
