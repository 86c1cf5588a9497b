"""`handstamp token` and `handstamp headers`: for scripts and for the header hooks of other clients. The only commands that print a token."""

import click

from handstamp.cli.group import Command, Session, account_option, pass_session, server_argument

__all__ = ["headers", "token"]


@click.command(cls=Command)
@server_argument
@account_option
@pass_session
def token(session: Session, server: str, account: str) -> None:
    """
    Print a fresh access token, and nothing else.

    It is renewed first where that is due. Never opens a browser: where a person has to sign in, the exit code is 4.

    \b
      curl -H "Authorization: Bearer $(handstamp token linear)" https://mcp.linear.app/mcp
    """
    with session.vault() as vault:
        found = vault.sync.token(server, account=account)
        if not session.output.json:
            session.output.data(found.access_token.reveal())
            return
        from handstamp.cli.words import iso_time

        session.output.document(
            {
                "server": vault.settings.find(server).name,
                "access_token": found.access_token.reveal(),
                "token_type": found.token_type,
                "expires_at": iso_time(found.expires_at),
            }
        )


@click.command(cls=Command)
@server_argument
@account_option
@pass_session
def headers(session: Session, server: str, account: str) -> None:
    """
    Print the request headers for a server as a JSON object.

    The token and the headers that you configured, as Claude Code's headersHelper and Codex's http_headers_helper want them.
    Never opens a browser: where a person has to sign in, the exit code is 4.

    \b
      "headersHelper": "handstamp headers linear"
    """
    with session.vault() as vault:
        found = vault.sync.token(server, account=account)
        configured = dict(vault.settings.find(server).headers)
    # No `version` here: every member of this object becomes a header.
    session.output.document({"Authorization": f"Bearer {found.access_token.reveal()}", **configured}, version=None)
