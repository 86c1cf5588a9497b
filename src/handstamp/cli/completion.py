"""`handstamp completion`: what a shell evaluates to complete our command line. Server names complete too; no vault, no network."""

import click

from handstamp.cli.group import Command, Session, pass_session

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

    from handstamp.cli import COMPLETION_VARIABLE, group

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    session.output.data(found(group, {}, "handstamp", COMPLETION_VARIABLE).source())
