"""The terminal and the person that the journeys rely on are what they seem."""

import sys

from authority import DemoServers
from commands import Home
from terminal.conftest import StartTerminal
from terminal.person import Person


def test_the_screen_shows_what_a_program_draws_and_tells_what_it_leaves_behind(terminal: StartTerminal) -> None:
    shown = terminal(columns=100, rows=30)

    # Not the word itself: the shell's echo of the command would show it too.
    shown.run("printf", r"\033[?1049h\033[?25lh\145re\n")
    shown.wait_for("here")

    assert (shown.ask("alternate_on"), shown.ask("cursor_flag")) == ("1", "0")
    assert (shown.ask("pane_width"), shown.ask("pane_height")) == ("100", "30")


def test_what_a_program_copies_can_be_read(terminal: StartTerminal) -> None:
    shown = terminal()

    shown.run("printf", r"\033]52;c;aGVsbG8=\a")

    assert shown.wait_until(lambda: shown.copied or None, "something that was copied") == "hello"


def test_a_person_signs_in_where_a_program_opens_their_browser(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    home.name("notes", demo.server_url)
    shown = terminal(columns=120)

    shown.run(sys.executable, "-m", "handstamp", "login", "notes")
    shown.wait_for("Press Enter")
    shown.press("Enter")

    assert person.allow() == "Signed in to notes"
    shown.wait_for("Signed in to notes")
