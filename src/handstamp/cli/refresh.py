"""`handstamp refresh`: renews a token now, whatever its age, and says what came of it."""

import time

import click

from handstamp.cli.commands import Command, account_option, pass_session, server_argument
from handstamp.cli.session import Session
from handstamp.words import grant_members, outlook, who

__all__ = ["refresh"]


@click.command(cls=Command)
@server_argument
@account_option
@pass_session
def refresh(session: Session, server: str, account: str) -> None:
    """
    Renew a server's token now.

    Tokens renew by themselves. This tells whether that works, and brings a new token at once where the old one is not what you
    want: after a change of your rights at the server, or where the old one may have been seen.

    The exit code is 4 where only a sign-in can bring another token.
    """
    output = session.output
    with session.vault() as vault:
        found = vault.settings.find(server)
        grant = vault.sync.refresh(server, account=account)
    if output.json:
        output.document({"server": found.name, "url": found.url, "status": "refreshed"} | grant_members(grant))
        return
    identity = who(grant)
    whose = f"{found.name} as {identity}" if identity else found.name
    output.done(f"Renewed the token of {whose} ({outlook(grant, time.time())})")
