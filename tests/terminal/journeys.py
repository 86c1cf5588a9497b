"""The app in a terminal, as a person opens and leaves it."""

import sys

from handstamp.demo.ledger import SECRET_PATTERN
from terminal.tmux import PROMPT, Terminal

__all__ = ["leave", "open_app"]

COMMAND = (sys.executable, "-m", "handstamp")


def open_app(terminal: Terminal, *words: str) -> str:
    """`handstamp`, until the screen shows these words."""
    terminal.run(*COMMAND)
    return terminal.wait_for(*words)


def leave(terminal: Terminal) -> None:
    """By `q`; fails where it was left behind in another state than it was found in."""
    assert SECRET_PATTERN.search(terminal.screen) is None, "the screen bears a secret"
    terminal.press("q")
    assert_left_clean(terminal)


def assert_left_clean(terminal: Terminal) -> None:
    """The shell is back on the screen that it had, with its cursor, and hears what is typed as it did."""
    terminal.wait_until(lambda: True if terminal.ask("alternate_on") == "0" else None, "the shell's own screen")
    terminal.run("printf", "%s-%s\\n", "left", "$?")
    screen = terminal.wait_for("left-")

    assert "Traceback" not in screen, screen
    assert (terminal.ask("cursor_flag"), terminal.ask("mouse_any_flag")) == ("1", "0")
    terminal.run("stty", "-a")
    settings = terminal.wait_for("icanon").split()
    assert {"echo", "icanon", "isig", "ixon", "opost"} <= set(settings)
    assert PROMPT.strip() in terminal.screen
