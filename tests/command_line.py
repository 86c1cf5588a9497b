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
        _parse(build_group(), arguments)
    return program == "handstamp"


def _parse(group: click.Group, arguments: list[str]) -> None:
    context = group.make_context("handstamp", list(arguments))
    with context:
        name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        command.make_context(name, rest, parent=context).close()
