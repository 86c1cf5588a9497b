"""`handstamp login`: signs in, and says what came of it."""

import time
from dataclasses import dataclass

import click

from handstamp.cli.commands import Command, account_option, optional_server_argument, pass_session
from handstamp.cli.session import Session
from handstamp.cli.terminal import TerminalPresenter
from handstamp.errors import HandstampError, UsageError, hint
from handstamp.model import Grant, GrantType, VaultPlace
from handstamp.output import Output, error_members
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.urls import host
from handstamp.settings import ServerSettings
from handstamp.standing import Standing, find_standings
from handstamp.vault import Vault
from handstamp.wiring import build_browser
from handstamp.without_browser import find_browser_obstacle
from handstamp.words import future_words, grant_members, means_words, one_line, outlook, who

__all__ = ["login"]

HELP = hint("help_command", command="login")


@click.command(cls=Command)
@optional_server_argument
@click.option("--all", "everywhere", is_flag=True, help="One after the other: each server with a name that needs you.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="More to ask for. Repeat it, or separate by spaces.")
@account_option
@click.option("--no-browser", is_flag=True, help="Print the link instead of opening it, and wait.")
@click.option("--again", is_flag=True, help="Sign in anew even where you are signed in.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=300.0, metavar="SECONDS", help="How long to wait for you.  [300]"
)
@click.pass_context
@pass_session
def login(
    session: Session,
    context: click.Context,
    server: str | None,
    everywhere: bool,
    scopes: tuple[str, ...],
    account: str,
    no_browser: bool,
    again: bool,
    timeout: float,
) -> None:
    """
    Sign in to a server in your browser.

    Over SSH, or where no browser can be opened, open the link anywhere and paste the address of its last page here. Without a
    terminal nothing is asked: the browser opens, the link is printed, and the command waits.

    For a server whose settings name a grant type nobody signs in: this asks for a token, and says whether it works.

    With --all, a sign-in that fails does not stop those after it; the exit code is the highest of all.

    \b
      handstamp login linear
      handstamp login https://mcp.linear.app/mcp --no-browser
      handstamp login linear --account work --scope admin
      handstamp login --all
    """
    if everywhere == (server is not None):
        raise UsageError(f"Expected SERVER or --all, got {'both' if everywhere else 'neither'}.", hint=HELP)
    wish = _Wish(parse_scopes(" ".join(scopes)), again=again, no_browser=no_browser, timeout=timeout)
    if server is not None:
        with session.vault() as vault:
            _sign_in(session.output, vault, vault.settings.find(server), account, wish).show(session.output)
        return
    if scopes or again or account != "default":
        raise UsageError("Expected --scope, --account and --again with SERVER, got them with --all.", hint=HELP)
    with session.vault() as vault:
        context.exit(_sign_in_everywhere(session.output, vault, wish))


def _sign_in_everywhere(output: Output, vault: Vault, wish: "_Wish") -> int:
    now = time.time()
    wanted = [each for each in find_standings(vault, None) if each.wants_login(now)]
    members, exit_code = list[dict[str, object]](), 0
    for number, standing in enumerate(wanted, 1):
        output.say(output.styled(f"({number}/{len(wanted)}) {standing.server.name}", "bold"))
        try:
            outcome = _sign_in(output, vault, standing.server, standing.account, wish)
        except HandstampError as error:
            exit_code = max(exit_code, error.exit_code)
            members.append(_failed(standing, error))
            if not output.json:
                output.problem(error)
        else:
            members.append(outcome.members())
            if not output.json:
                outcome.show(output)
    if output.json:
        output.document({"sign_ins": members})
    elif not wanted:
        output.done("No server needs you.")
    return exit_code


def _failed(standing: Standing, error: HandstampError) -> dict[str, object]:
    return {
        "server": standing.server.name,
        "url": standing.server.url,
        "status": "failed",
        "account": standing.account,
        "error": error_members(error),
    }


@dataclass(frozen=True, slots=True)
class _Wish:
    """How to sign in, wherever it is."""

    scopes: tuple[str, ...]
    again: bool
    no_browser: bool
    timeout: float


def _sign_in(output: Output, vault: Vault, server: ServerSettings, account: str, wish: _Wish) -> "_Outcome":
    browser = build_browser()
    obstacle = "you asked for none" if wish.no_browser else find_browser_obstacle()
    presenter = TerminalPresenter(output, browser, obstacle=obstacle, chosen=wish.no_browser)
    grant = vault.sync.login(
        server.name,
        account=account,
        scopes=wish.scopes,
        presenter=presenter,
        browser=browser,
        again=wish.again,
        deadline=wish.timeout,
    )
    return _Outcome(server, grant, presenter, vault.place())


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one sign-in."""

    server: ServerSettings
    grant: Grant | None
    presenter: TerminalPresenter
    place: VaultPlace

    def show(self, output: Output) -> None:
        server, grant = self.server, self.grant
        if output.json:
            output.document(self.members())
        elif grant is None:
            output.done(f"{server.name} works without signing in.")
        elif grant.grant_type is not GrantType.AUTHORIZATION_CODE:
            _show_obtained(output, server, grant, self.place)
        elif self.presenter.was_asked:
            _show_signed_in(output, server, grant, self.place, self.presenter.notes)
        else:
            _show_already_signed_in(output, server, grant)

    def members(self) -> dict[str, object]:
        head: dict[str, object] = {"server": self.server.name, "url": self.server.url}
        if self.grant is None:
            return head | {"status": "open"}
        is_new = self.presenter.was_asked or self.grant.grant_type is not GrantType.AUTHORIZATION_CODE
        status = "signed_in" if is_new else "already_signed_in"
        return head | {"status": status} | grant_members(self.grant) | {"notes": self.presenter.notes}


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
    identity, future = who(grant), outlook(grant, time.time())
    output.done(f"{server.name} is already signed in" + (f" as {identity}" if identity else "") + f" ({future})")
    output.hint(hint("login_again", server=server.name))
