"""`handstamp vault`: the commands for the vault itself, and not for what is in it."""

import click

from handstamp.cli.commands import CommandGroup
from handstamp.cli.rekey import rekey

__all__ = ["vault"]


@click.group(cls=CommandGroup)
def vault() -> None:
    """
    Look after the vault.

    It is one file, vault.db in the state directory, and its key is kept elsewhere.
    """


vault.add_command(rekey)
