"""`handstamp completion`: what a shell evaluates to complete our command line, names of servers too. No vault, no network."""

import click

from handstamp.cli.commands import Command, build_group, pass_session
from handstamp.cli.session import Session

__all__ = ["completion"]


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_session
def completion(session: Session, shell: str) -> None:
    """
    Print the completion script of a shell.

    \b
      bash  eval "$(handstamp completion bash)"              in ~/.bashrc
      zsh   eval "$(handstamp completion zsh)"               in ~/.zshrc
      fish  handstamp completion fish | source               in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    from handstamp.cli import COMPLETION_VARIABLE

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    session.output.data(found(build_group(), {}, "handstamp", COMPLETION_VARIABLE).source())
