"""
A token for a script: what `handstamp token` and `handstamp headers` do, and the shortcut to it.

Hooks run these two before each connection of an agent. Reading the command line with click costs as much as all the rest, so the
form that hooks use, a command and a server, is recognised without it. Any other form, and every error of usage, is click's.
"""

from collections.abc import Sequence

from handstamp.cli.session import Session

__all__ = ["print_headers", "print_token", "run_plainly"]


def run_plainly(session: Session, arguments: Sequence[str]) -> bool:
    """Runs `token SERVER` or `headers SERVER`; False for anything else, of which nothing has been done."""
    match arguments:
        case ["token", server] if not server.startswith("-"):
            print_token(session, server, "default")
        case ["headers", server] if not server.startswith("-"):
            print_headers(session, server, "default")
        case _:
            return False
    return True


def print_token(session: Session, server: str, account: str) -> None:
    """The access token alone; with `--json` what is known of it, too."""
    with session.vault() as vault:
        token = vault.sync.token(server, account=account)
        if not session.output.json:
            session.output.data(token.access_token.reveal())
            return
        from handstamp.cli.words import iso_time

        session.output.document(
            {
                "server": vault.settings.find(server).name,
                "access_token": token.access_token.reveal(),
                "token_type": token.token_type,
                "expires_at": iso_time(token.expires_at),
            }
        )


def print_headers(session: Session, server: str, account: str) -> None:
    """The token's header and those that are configured, as one flat object."""
    with session.vault() as vault:
        token = vault.sync.token(server, account=account)
        configured = dict(vault.settings.find(server).headers)
    # No `version` here: every member of this object becomes a header.
    session.output.document({"Authorization": f"Bearer {token.access_token.reveal()}", **configured}, version=None)
