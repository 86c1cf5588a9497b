"""
A token for a script: what `handstamp token` and `handstamp headers` do, and the shortcut to it.

Hooks run these two before each connection of an agent. Reading the command line with click costs as much as all the rest, so the
form that hooks use, a command and a server, is recognised without it. Any other form, and every error of usage, is click's.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from handstamp.cli.session import Session
from handstamp.errors import HandstampError, LoginRequired, NetworkError, ServerBrokeProtocol, UsageError, hint
from handstamp.model import Secret

if TYPE_CHECKING:
    from handstamp.model import Token
    from handstamp.vault import Vault

__all__ = ["print_headers", "print_token", "run_plainly"]


def run_plainly(session: Session, arguments: Sequence[str]) -> bool:
    """Runs `token SERVER` or `headers SERVER`; False for anything else, of which nothing has been done."""
    match arguments:
        case ["token", server] if not server.startswith("-"):
            session.command = "token"
            print_token(session, server, "default")
        case ["headers", server] if not server.startswith("-"):
            session.command = "headers"
            print_headers(session, server, "default")
        case _:
            return False
    return True


def print_token(session: Session, server: str, account: str) -> None:
    """The access token alone; with `--json` what is known of it, too."""
    with session.vault() as vault:
        name = vault.settings.find(server).name
        token = _find_token(vault, server, account)
    if token is None:
        raise HandstampError(f"{name} works without signing in, so it has no token.", hint=hint("tools", server=name))
    if not session.output.json:
        session.output.secret(token.access_token)
        return
    from handstamp.words import iso_time

    session.output.secret_document(
        {
            "version": 1,
            "server": name,
            "access_token": token.access_token.reveal(),
            "token_type": token.token_type,
            "expires_at": iso_time(token.expires_at),
        }
    )


def print_headers(session: Session, server: str, account: str) -> None:
    """The token's header, unless the server is open, and those that are configured, as one flat object."""
    from handstamp.wiring import read_headers

    with session.vault() as vault:
        token = _find_token(vault, server, account)
        configured = read_headers(vault.settings.find(server).headers)
    shown = {} if token is None else {"Authorization": f"Bearer {token.access_token.reveal()}"}
    shown |= {name: value.reveal() if isinstance(value, Secret) else value for name, value in configured}
    # No `version` here: every member of this object becomes a header.
    session.output.secret_document(shown)


def _find_token(vault: "Vault", server: str, account: str) -> "Token | None":
    """None for a server that works without one. It is asked only where nothing is stored for it."""
    try:
        token = vault.sync.token(server, account=account)
    except LoginRequired as error:
        if vault.grant(server, account=account) is not None or not _is_open(vault, server, error):
            raise
        return None
    if token.dpop_key is not None:
        # RFC 9449 §4: whoever could print a proof for later requests could also lose it.
        name = vault.settings.find(server).name
        raise UsageError(
            f"Expected a bearer token for {name}, got one that is bound to a key (DPoP): each request needs a proof of its own, "
            "and only Handstamp can make it.",
            hint=hint("tools", server=name),
        )
    return token


def _is_open(vault: "Vault", server: str, otherwise: LoginRequired) -> bool:
    try:
        return vault.sync.is_open(server)
    except (NetworkError, ServerBrokeProtocol):
        # A sign-in meets the same error, and is the place to explain it.
        raise otherwise from None
