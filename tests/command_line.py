"""What the real command line makes of a command, without running it."""

import shlex
from contextlib import suppress

import click

from handstamp.cli.commands import build_group

__all__ = ["is_accepted"]


def is_accepted(command: str) -> bool:
    """True for a `handstamp` command whose name, options and arguments exist; else click.UsageError."""
    program, *arguments = shlex.split(command, comments=True)
    with suppress(click.exceptions.Exit):  # --help ends there
        _parse(build_group().make_context("handstamp", arguments))
    return program == "handstamp"


def _parse(context: click.Context) -> None:
    with context:
        arguments = [*context._protected_args, *context.args]
        if isinstance(context.command, click.Group) and arguments:
            name, command, rest = context.command.resolve_command(context, arguments)
            assert command is not None
            _parse(command.make_context(name, rest, parent=context))
