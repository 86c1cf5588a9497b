"""`handstamp vault rekey`: another key for the vault, in the same kind of place or another."""

from typing import TYPE_CHECKING

import click

from handstamp.cli.commands import Command, pass_session
from handstamp.cli.session import Session
from handstamp.errors import LoginCancelled, UsageError, hint
from handstamp.output import Output

if TYPE_CHECKING:
    from handstamp.stores.rekeying import Rekeyed

__all__ = ["rekey"]

PROVIDERS = ("environment", "systemd", "passphrase", "keychain", "file")
THEIRS = {
    "environment": ("HANDSTAMP_NEW_KEY", "HANDSTAMP_KEY"),
    "systemd": ("the credential handstamp.new-key", "the credential handstamp.key"),
    "passphrase": ("HANDSTAMP_NEW_PASSPHRASE", "HANDSTAMP_PASSPHRASE"),
}
"""Where a person puts what only they can give: for a rekey, and from then on."""


@click.command(cls=Command)
@click.option(
    "--to", "provider", type=click.Choice(PROVIDERS), help="Where the new key is kept. By default where the old one is."
)
@click.option("--yes", is_flag=True, help="Do not ask before the key goes where it is less safe.")
@pass_session
def rekey(session: Session, provider: str | None, yes: bool) -> None:
    """
    Give the vault a new key, and delete the old one.

    Everything in the vault is sealed anew, in one step: whenever this is interrupted, the vault opens, and programs that use it
    go on. A copy of the vault from before needs the old key, and does not open any more where Handstamp kept that.

    What only you can give is never made or shown here. A new key for the environment is read from HANDSTAMP_NEW_KEY, one for
    systemd from the credential handstamp.new-key, a passphrase from HANDSTAMP_NEW_PASSPHRASE or from the file that
    HANDSTAMP_NEW_PASSPHRASE_FILE names, or you type it. Where the vault's key was elsewhere, the usual variable or credential
    serves, too.

    \b
      handstamp vault rekey
      handstamp vault rekey --to keychain
      HANDSTAMP_NEW_KEY="$(openssl rand -base64 32)" handstamp vault rekey --to environment
    """
    output = session.output

    def allow(former: str, latter: str) -> None:
        if latter == "file" and former != "file" and not yes:
            _confirm(output, former)

    with session.vault() as vault, output.progress("Sealing anew") as report:
        done = vault.rekey(provider, allow=allow, report=report)
    _show(output, done)


def _confirm(output: Output, former: str) -> None:
    yes = hint("rekey_yes", provider="file")
    question = (
        f"The key goes from the provider {former} into a file beside the vault: whoever has a copy of the whole directory has"
        " everything in it."
    )
    if not output.is_conversation:
        raise UsageError(f"Expected your yes. {question}", hint=yes)
    output.warn(question)
    if not output.ask_yes("Go on?"):
        raise LoginCancelled("You said no: the vault keeps its key.", hint=yes)


def _show(output: Output, done: "Rekeyed") -> None:
    if output.json:
        output.document(
            {"provider": done.provider, "former_provider": done.former, "key": done.key, "values": done.values, "left": done.left}
        )
        return
    output.done(f"The vault has a new key, in {done.key}.")
    if done.provider in THEIRS:
        new, usual = THEIRS[done.provider]
        output.say(f"  If it stands in {new}, put it into {usual} now, for every program that uses the vault.")
    if done.former in THEIRS and done.former != done.provider:
        output.say(f"  {THEIRS[done.former][1]} is not needed any more.")
    if not done.is_erased:
        output.warn("Another program reads the vault: values under the old key stay in vault.db-wal until it is done.")
    for reason in done.left:
        output.warn(f"An old key could not be deleted, the next rekey tries again. {reason}")
