"""`handstamp login`: signs in, and says what came of it."""

import time

import click

from handstamp.cli.commands import Command, account_option, pass_session, server_argument
from handstamp.cli.session import Session
from handstamp.cli.terminal import TerminalPresenter
from handstamp.errors import hint
from handstamp.model import Grant, GrantType, VaultPlace
from handstamp.output import Output
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.urls import host
from handstamp.settings import ServerSettings
from handstamp.wiring import build_browser
from handstamp.without_browser import find_browser_obstacle
from handstamp.words import future_words, grant_members, means_words, one_line, renewal_words, who

__all__ = ["login"]


@click.command(cls=Command)
@server_argument
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="More to ask for. Repeat it, or separate by spaces.")
@account_option
@click.option("--no-browser", is_flag=True, help="Print the link instead of opening it, and wait.")
@click.option("--again", is_flag=True, help="Sign in anew even where you are signed in.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=300.0, metavar="SECONDS", help="How long to wait for you.  [300]"
)
@pass_session
def login(
    session: Session, server: str, scopes: tuple[str, ...], account: str, no_browser: bool, again: bool, timeout: float
) -> None:
    """
    Sign in to a server in your browser.

    Over SSH, or where no browser can be opened, open the link anywhere and paste the address of its last page here. Without a
    terminal nothing is asked: the browser opens, the link is printed, and the command waits.

    For a server whose settings name a grant type nobody signs in: this asks for a token, and says whether it works.

    \b
      handstamp login linear
      handstamp login https://mcp.linear.app/mcp --no-browser
      handstamp login linear --account work --scope admin
    """
    output, browser = session.output, build_browser()
    obstacle = "you asked for none" if no_browser else find_browser_obstacle()
    presenter = TerminalPresenter(output, browser, obstacle=obstacle, chosen=no_browser)
    with session.vault() as vault:
        found = vault.settings.find(server)
        grant = vault.sync.login(
            server,
            account=account,
            scopes=parse_scopes(" ".join(scopes)),
            presenter=presenter,
            browser=browser,
            again=again,
            deadline=timeout,
        )
        place = vault.place()
    if output.json:
        output.document(_outcome(found, grant, presenter))
    elif grant is None:
        output.done(f"{found.name} works without signing in.")
    elif grant.grant_type is not GrantType.AUTHORIZATION_CODE:
        _show_obtained(output, found, grant, place)
    elif presenter.was_asked:
        _show_signed_in(output, found, grant, place, presenter.notes)
    else:
        _show_already_signed_in(output, found, grant)


def _outcome(server: ServerSettings, grant: Grant | None, presenter: TerminalPresenter) -> dict[str, object]:
    head: dict[str, object] = {"server": server.name, "url": server.url}
    if grant is None:
        return head | {"status": "open"}
    is_new = presenter.was_asked or grant.grant_type is not GrantType.AUTHORIZATION_CODE
    status = "signed_in" if is_new else "already_signed_in"
    return head | {"status": status} | grant_members(grant) | {"notes": presenter.notes}


def _show_signed_in(output: Output, server: ServerSettings, grant: Grant, place: VaultPlace, notes: list[str]) -> None:
    identity = who(grant)
    output.done(f"Signed in to {server.name}" + (f" as {identity}" if identity else ""))
    _show_place(output, grant, place)
    for note in notes:
        output.warn(one_line(note, 1000))


def _show_obtained(output: Output, server: ServerSettings, grant: Grant, place: VaultPlace) -> None:
    """Nobody has signed in: what was it, then?"""
    scopes = one_line(", ".join(grant.scopes))
    output.done(f"{server.name} needs no sign-in: {means_words(grant.grant_type)} at {host(grant.key.issuer)}")
    if scopes:
        output.say(f"  Allowed: {scopes}.")
    _show_place(output, grant, place)


def _show_place(output: Output, grant: Grant, place: VaultPlace) -> None:
    file = place.path.replace("\\", "/").rpartition("/")[2]
    output.say(f"  Stored in {file}, key in {place.key}. {future_words(grant, time.time())}")


def _show_already_signed_in(output: Output, server: ServerSettings, grant: Grant) -> None:
    identity, words = who(grant), renewal_words(grant, time.time())
    verb = "" if words.startswith("ends") else "renews "
    output.done(f"{server.name} is already signed in" + (f" as {identity}" if identity else "") + f" ({verb}{words})")
    output.hint(hint("login_again", server=server.name))
