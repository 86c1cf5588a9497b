"""
The command line: `handstamp COMMAND …`.

One place turns whatever went wrong into one `error:` line, one `hint:` line and an exit code: `run`. A command raises; it never
prints an error and never exits by itself.

    0 done · 1 failed · 2 usage or settings · 3 network · 4 sign-in needed · 5 vault · 130 interrupted
"""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from handstamp.cli.group import Session, build_group
from handstamp.errors import HandstampError, UsageError, find_error, hint
from handstamp.output import Output

__all__ = ["group", "main", "run"]

COMPLETION_VARIABLE = "_HANDSTAMP_COMPLETE"
INTERRUPTED = 130

group = build_group()
"""Every command, none of them loaded."""


def main() -> NoReturn:
    """The program `handstamp`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line. Gives its exit code; everything that it says has been said."""
    session = Session(Output())
    try:
        return _invoke(session, list(arguments))
    except KeyboardInterrupt:
        session.output.say()
        return INTERRUPTED
    except click.ClickException as error:
        return _report(session, arguments, _as_usage_error(error))
    except Exception as error:
        return _report(session, arguments, find_error(error) or error)


def _invoke(session: Session, arguments: list[str]) -> int:
    if instruction := os.environ.get(COMPLETION_VARIABLE):
        from click.shell_completion import shell_complete

        return shell_complete(group, {}, "handstamp", COMPLETION_VARIABLE, instruction)
    try:
        with group.make_context("handstamp", arguments, obj=session) as context:
            group.invoke(context)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    return 0


def _report(session: Session, arguments: Sequence[str], error: Exception) -> int:
    output = session.output
    # Where the command line itself could not be read, its options have not been either.
    output.json = output.json or "--json" in arguments
    if isinstance(error, HandstampError):
        output.problem(error)
        return error.exit_code
    if session.verbose:
        output.traceback(error)
    # Only the class is named: the text of an error that nobody foresaw may hold anything.
    output.problem(HandstampError(f"Handstamp itself failed: {type(error).__name__} (-v shows where)."))
    return 1


def _as_usage_error(error: click.ClickException) -> UsageError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    is_of_command = context is not None and context.parent is not None and context.info_name is not None
    help_ = hint("help_command", command=context.info_name) if is_of_command else hint("help")
    return UsageError(" ".join(error.format_message().split()), hint=help_)
