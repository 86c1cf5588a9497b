"""Tools called in the app: a real terminal, real servers, a real browser where more access is needed."""

from authority import DemoServers
from commands import Home
from terminal.conftest import StartTerminal
from terminal.journeys import leave, open_app
from terminal.person import Person
from terminal.tmux import Terminal


def sign_in(shown: Terminal, person: Person) -> None:
    """By the dialog that comes by itself."""
    open_app(shown, "asks you to sign in", "open browser")
    shown.press("Enter")
    person.allow()
    shown.wait_for("Signed in to notes")
    shown.press("Enter")
    shown.wait_for("connected", without=["Signed in to notes"])


def choose_tool(shown: Terminal, name: str, *, beside: bool = False) -> None:
    """In the tab Tools, by the filter; opens it. Where the tab stands `beside` the list, a key more leads there."""
    shown.press(*(("2", "Enter") if beside else ("2",)))
    shown.wait_for("add", "stamp", "whoami", "⏎ Try")
    shown.press("/")
    shown.wait_for(" filter")
    shown.type(name)
    shown.wait_for("1 of 3 tools")
    shown.press("Enter")
    shown.wait_for("⏎ Try")
    shown.press("Enter")
    shown.wait_for("F5")


def test_a_tool_is_called_with_what_its_form_asks_for(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    home.name("notes", demo.server_url)
    shown = terminal()
    sign_in(shown, person)

    choose_tool(shown, "add")
    shown.press("F5")
    shown.wait_for("Expected a")
    shown.type("20")
    shown.wait_for(" 20")
    shown.move("Tab")
    shown.type("22")
    shown.wait_for(" 22")
    shown.press("F5")

    shown.wait_for("Done in", "42")
    shown.press("Escape")
    shown.wait_for("1 of 3 tools")
    shown.press("H")
    shown.wait_for("Calls of this run", "done", "add")
    shown.press("Escape")
    shown.wait_for("1 of 3 tools", without=["Calls of this run"])
    leave(shown)


def test_a_call_that_needs_more_access_leads_to_a_sign_in_for_it(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    home.name("notes", demo.add_server(scope="openid read"))
    shown = terminal(columns=120, rows=40)
    sign_in(shown, person)

    choose_tool(shown, "stamp", beside=True)
    shown.type("here")
    shown.wait_for(" here")
    shown.press("F5")
    shown.wait_for("more access", "write")
    shown.press("l")
    shown.wait_for("More access to notes", "More access than before: write", "open browser")
    shown.press("Enter")
    person.allow()
    shown.wait_for("Signed in to notes")
    shown.press("Enter")
    shown.wait_for("F5", without=["Signed in to notes"])
    shown.press("F5")

    shown.wait_for("stamped", "Done in")
    shown.press("Escape")
    shown.wait_for("connected")
    leave(shown)
