"""
Everything that a person can do in the app, in one table: key, label, what it does, and the command that does the same.

Bindings, footer, help, palette and the page of keys are made from it. `why_not` says of each what keeps it from being done now;
the footer dims those, and their keys say why.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote

from textual.binding import Binding

from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.rows import Row

__all__ = ["ACTIONS", "TABS", "Action", "bindings", "find_action", "why_not"]

TABS = ("overview", "tools", "scopes", "discovery", "log")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do."""

    id: str
    """What a person gives it another key by."""
    keys: str
    """Separated by commas, as Textual has it."""
    label: str
    """A word or two, for the footer."""
    tooltip: str
    """A sentence, for help and palette."""
    command: str | None = None
    """The command line that does the same, `SERVER` in the server's place; None where it only changes what is looked at."""
    of_a_server: bool = True
    """Done to the server under the cursor."""
    in_footer: bool = False

    def twin(self, row: Row | None) -> str | None:
        """The command line for the server under the cursor."""
        if self.command is None or row is None:
            return self.command
        command = self.command.replace("disable", "enable") if row.state.status is ConnectionStatus.DISABLED else self.command
        account = "" if row.account == "default" or self.id not in OF_AN_ACCOUNT else f" --account {quote(row.account)}"
        return command.replace("SERVER", quote(row.target.name)) + account


OF_AN_ACCOUNT = ("login", "refresh", "logout", "doctor")

ACTIONS = (
    Action("login", "l", "Login", "Sign in to this server in your browser.", "handstamp login SERVER", in_footer=True),
    Action(
        "login_all",
        "L",
        "Login all",
        "Sign in wherever you are needed, one after the other.",
        "handstamp login --all",
        of_a_server=False,
    ),
    Action("refresh", "r", "Renew", "Renew the token now, however fresh it is.", "handstamp refresh SERVER", in_footer=True),
    Action(
        "logout",
        "x",
        "Logout",
        "Revoke the sign-in at the server and forget it here.",
        "handstamp logout SERVER",
        in_footer=True,
    ),
    Action("doctor", "d", "Doctor", "Find out step by step why it works or not.", "handstamp doctor SERVER", in_footer=True),
    Action("add", "a", "Add", "Give a server a name.", "handstamp add NAME URL", of_a_server=False, in_footer=True),
    Action("edit", "e", "Edit", "Change the settings of this server.", "handstamp add SERVER URL"),
    Action("switch", "t", "On/off", "Switch this server off, or on again.", "handstamp disable SERVER"),
    Action("remove", "delete", "Remove", "Forget the name and settings of this server.", "handstamp remove SERVER"),
    Action("reconnect", "R", "Reconnect", "Connect to this server anew, now.", "handstamp tools SERVER"),
    Action("copy_url", "c", "Copy URL", "Copy the address of this server.", "handstamp status SERVER"),
    Action(
        "filter",
        "slash",
        "Filter",
        "Show the servers whose name, status or account has a word; !word those that have not.",
        of_a_server=False,
        in_footer=True,
    ),
    Action("sort", "s", "Sort", "Order by name, status, account or time of renewal.", of_a_server=False),
    *(
        Action(f"tab.{name}", str(number), name.title(), f"Show the tab {name.title()}.", of_a_server=False)
        for number, name in enumerate(TABS, 1)
    ),
    Action("open", "enter", "Open", "Go to the details of this server."),
    Action("back", "escape", "Back", "Go back: to the list, then to all servers.", of_a_server=False),
    Action("help", "question_mark", "Help", "Show what the keys do.", of_a_server=False, in_footer=True),
    Action("quit", "q", "Quit", "Leave; nothing that is signed in ends.", of_a_server=False, in_footer=True),
)
"""In the order in which people need them."""


def bindings() -> Iterator[Binding]:
    """For the screen of servers: each leads to its `action_do`."""
    for each in ACTIONS:
        yield Binding(each.keys, f"do({each.id!r})", each.label, show=each.in_footer, id=each.id, tooltip=each.tooltip)


def find_action(id: str) -> Action | None:
    """None for what is no action of this table."""
    return next((each for each in ACTIONS if each.id == id), None)


def why_not(action: str, row: Row | None) -> str | None:
    """What keeps the action of that id from being done now, as a sentence; None where nothing does."""
    found = find_action(action)
    if found is None or not found.of_a_server:
        return None
    if row is None:
        return "No server is chosen."
    if action in ("login", "refresh", "logout", "copy_url") and row.url is None:
        return f"{row.key} is a program on this machine: nobody signs in to it."
    if action in ("refresh", "logout") and row.grant is None:
        return f"Nobody has signed in to {row.key}."
    if action in ("edit", "switch", "remove") and not row.is_configured:
        return f"{row.key} has no name yet: add it first."
    if action == "reconnect" and row.state.status is ConnectionStatus.DISABLED:
        return f"{row.key} is switched off: t switches it on."
    return None
