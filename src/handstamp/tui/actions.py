"""
Everything that a person can do in the app, in one table: key, label, what it does, and the command that does the same.

Bindings, footer, help, palette and the page of keys are made from it. `why_not` says of each what keeps it from being done now;
the footer dims those, and their keys say why.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from textual.binding import Binding

from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.rows import Row

__all__ = ["ACTIONS", "TABS", "Action", "bindings", "find_action", "why_not"]

TABS = ("overview", "tools", "scopes", "discovery", "log")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do: `action_ID` of the screen does it."""

    id: str
    keys: str
    """Separated by commas, as Textual has it."""
    label: str
    """A word or two, for the footer."""
    tooltip: str
    """A sentence, for help and palette."""
    command: str | None = None
    """The command line that does the same; None where it only changes what is looked at."""
    of_a_server: bool = True
    """Done to the server under the cursor."""
    in_footer: bool = False
    parameter: str = ""

    @property
    def identifier(self) -> str:
        """What a person remaps it by."""
        return f"{self.id}.{self.parameter}" if self.parameter else self.id


ACTIONS = (
    Action("login", "l", "Login", "Sign in to this server in your browser.", "handstamp login {server}", in_footer=True),
    Action(
        "login_all",
        "L",
        "Login all",
        "Sign in wherever you are needed, one after the other.",
        "handstamp login --all",
        of_a_server=False,
    ),
    Action("refresh", "r", "Renew", "Renew the token now, however fresh it is.", "handstamp refresh {server}", in_footer=True),
    Action(
        "logout",
        "x",
        "Logout",
        "Revoke the sign-in at the server and forget it here.",
        "handstamp logout {server}",
        in_footer=True,
    ),
    Action("doctor", "d", "Doctor", "Find out step by step why it works or not.", "handstamp doctor {server}", in_footer=True),
    Action("add", "a", "Add", "Give a server a name.", "handstamp add NAME URL", of_a_server=False, in_footer=True),
    Action("edit", "e", "Edit", "Change the settings of this server.", "handstamp add {server} URL"),
    Action("switch", "t", "On/off", "Switch this server off, or on again.", "handstamp disable {server}"),
    Action("remove", "delete", "Remove", "Forget the name and settings of this server.", "handstamp remove {server}"),
    Action("reconnect", "R", "Reconnect", "Connect to this server anew, now.", "handstamp tools {server}"),
    Action("copy_url", "c", "Copy URL", "Copy the address of this server.", "handstamp status {server} --json"),
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
        Action("tab", str(number), name.title(), f"Show the tab {name.title()}.", parameter=name)
        for number, name in enumerate(TABS, 1)
    ),
    Action("open", "enter", "Open", "Go to the details of this server."),
    Action("back", "escape", "Back", "Go back: to the list, or to all servers.", of_a_server=False),
    Action("help", "question_mark", "Help", "Show what the keys do.", of_a_server=False, in_footer=True),
    Action("quit", "q", "Quit", "Leave; nothing that is signed in ends.", of_a_server=False, in_footer=True),
)
"""In the order in which people need them."""


def bindings() -> Iterator[Binding]:
    """For the screen of servers."""
    for each in ACTIONS:
        action = f"{each.id}({each.parameter!r})" if each.parameter else each.id
        yield Binding(each.keys, action, each.label, show=each.in_footer, id=each.identifier, tooltip=each.tooltip)


def find_action(identifier: str) -> Action | None:
    """By what stands in front of the parameter."""
    return next((each for each in ACTIONS if each.id == identifier), None)


def why_not(action: str, row: Row | None) -> str | None:
    """What keeps an action from being done now, as a sentence; None where nothing does."""
    found = find_action(action)
    if found is None or not found.of_a_server:
        return None
    if row is None:
        return "No server is chosen."
    if action in ("login", "refresh", "logout", "doctor", "copy_url") and row.url is None:
        return f"{row.key} is a program on this machine: nobody signs in to it."
    if action in ("refresh", "logout") and row.grant is None:
        return f"Nobody has signed in to {row.key}."
    if action in ("edit", "switch", "remove") and not row.is_configured:
        return f"{row.key} has no name yet: add it first."
    if action == "reconnect" and row.state.status is ConnectionStatus.DISABLED:
        return f"{row.key} is switched off: t switches it on."
    return None
