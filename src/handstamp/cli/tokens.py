"""`handstamp token` and `handstamp headers`: for scripts and for the header hooks of other clients. No other prints a token."""

import click

from handstamp.cli.commands import Command, account_option, pass_session, server_argument
from handstamp.cli.plain import print_headers, print_token
from handstamp.cli.session import Session

__all__ = ["headers", "token"]


@click.command(cls=Command)
@server_argument
@account_option
@pass_session
def token(session: Session, server: str, account: str) -> None:
    """
    Print a fresh access token, and nothing else.

    It is renewed first where that is due. Never opens a browser: where a person has to sign in, the exit code is 4. A server that
    works without signing in has no token: the exit code is 1. One that is bound to a key (DPoP) is of no use alone and is not
    printed: the exit code is 2.

    \b
      curl -H "Authorization: Bearer $(handstamp token linear)" https://mcp.linear.app/mcp
    """
    print_token(session, server, account)


@click.command(cls=Command)
@server_argument
@account_option
@pass_session
def headers(session: Session, server: str, account: str) -> None:
    """
    Print the request headers for a server as a JSON object.

    The token and the headers that you configured, as Claude Code's headersHelper and Codex's http_headers_helper want them.
    Never opens a browser: where a person has to sign in, the exit code is 4. A server that works without signing in gets the
    configured headers alone. For a token that is bound to a key (DPoP) no header can be printed in advance: the exit code is 2.

    \b
      "headersHelper": "handstamp headers linear"
    """
    print_headers(session, server, account)
