"""`handstamp` alone: the terminal app, where there is a terminal and what it needs. It is a shell of its own, started by name."""

import sys
from importlib import import_module
from importlib.util import find_spec

from handstamp.cli.session import Session

__all__ = ["is_installed", "open_app", "wants_app"]


def wants_app(session: Session) -> bool:
    """Whether a person sits there who sees it. A program that runs us gets the help."""
    output = session.output
    return not output.json and output.is_conversation and sys.stdout.isatty()


def is_installed() -> bool:
    """Whether the extra is."""
    return all(find_spec(each) is not None for each in ("mcp", "textual"))


def open_app(session: Session) -> int:
    """Until the person leaves it; gives the exit code."""
    program = import_module("handstamp.tui.program")
    return int(program.main(session.ask))
