"""Sign-ins through the dialog of the app: a real terminal, real servers, a real browser."""

import json
from urllib.parse import urlsplit

from authority import DemoServers
from commands import Home
from loopback import closed_port
from terminal.conftest import StartTerminal
from terminal.journeys import leave, open_app
from terminal.person import Person


def configure(home: Home, **servers: str) -> None:
    home.write_settings("".join(f'[servers.{name}]\nurl = "{url}"\n' for name, url in servers.items()))


def statuses(home: Home) -> dict[str, str]:
    """What the command line says of each server, in a process of its own."""
    told = json.loads(home.run("status", "--json").stdout)
    return {each["server"]: each["status"] for each in told["servers"]}


def test_three_servers_that_need_you_are_signed_in_to_one_after_the_other(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    configure(home, notes=demo.server_url, issues=demo.add_server(), wiki=demo.add_server())
    shown = terminal()
    open_app(shown, "(1/3)")

    for number in (1, 2, 3):
        shown.wait_for(f"({number}/3)", "asks you to sign in", "open browser")
        shown.press("Enter")
        assert person.allow().startswith("Signed in to ")
        shown.wait_for(f"({number}/3)", "Signed in to")
        shown.press("Enter")

    shown.wait_for("connected", without=["(3/3)", "starting"])
    leave(shown)
    assert statuses(home) == {"notes": "signed_in", "issues": "signed_in", "wiki": "signed_in"}


def test_a_person_who_said_no_is_asked_again_by_their_own_key(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    configure(home, notes=demo.server_url)
    shown = terminal()
    open_app(shown, "asks you to sign in", "open browser")

    shown.press("Enter")
    person.deny()
    shown.wait_for("did not sign you in", "retry")
    shown.press("r")
    shown.wait_for("asks you to sign in", "open browser")
    shown.press("Enter")
    person.allow()

    shown.wait_for("Signed in to notes")
    shown.press("Enter")
    shown.wait_for("connected")
    leave(shown)
    assert statuses(home) == {"notes": "signed_in"}


def test_a_dialog_that_was_closed_does_not_come_back_by_itself(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    configure(home, notes=demo.server_url)
    shown = terminal()
    open_app(shown, "asks you to sign in", "open browser")

    shown.press("Escape")
    shown.wait_for("needs login", without=["asks you"])
    shown.press("r")
    shown.wait_for("needs login", without=["asks you"])
    shown.press("l")
    shown.wait_for("asks you to sign in", "open browser")
    shown.press("Escape")

    shown.wait_for("needs login", without=["asks you"])
    assert person.is_left_alone()
    leave(shown)


def test_a_server_that_nobody_answers_for_is_connected_once_it_is_there(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    port = closed_port()
    configure(home, notes=demo.server_url, late=f"http://127.0.0.1:{port}/mcp")
    shown = terminal()
    open_app(shown, "asks you to sign in", "open browser")

    shown.press("Escape")
    shown.wait_for("unreachable", without=["asks you"])
    demo.add_server(port=port)

    shown.wait_for("asks you to sign in", "late", without=["unreachable"])
    shown.wait_for("open browser")
    shown.press("Enter")
    person.allow()
    shown.wait_for("Signed in to late")
    shown.press("Enter")
    shown.wait_for("connected", "needs login")
    leave(shown)


def test_over_ssh_the_address_of_the_last_page_is_pasted(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    configure(home, notes=demo.server_url)
    del home.environ["BROWSER"]
    home.environ["SSH_CONNECTION"] = "192.0.2.1 50000 192.0.2.2 22"
    shown = terminal(columns=120, rows=40)
    open_app(shown, "Sign in to notes", "paste address")

    shown.press("c")
    link = shown.wait_until(lambda: shown.copied or None, "the link on the clipboard")
    answer = person.copy_answer(link)
    shown.paste(answer)

    screen = shown.wait_for("Signed in to notes")
    assert urlsplit(answer).query not in screen
    shown.press("Enter")
    shown.wait_for("connected")
    leave(shown)
    assert statuses(home) == {"notes": "signed_in"}


def test_a_network_that_goes_and_comes_back_costs_no_sign_in(
    terminal: StartTerminal, demo: DemoServers, home: Home, person: Person
) -> None:
    url = demo.server_url
    configure(home, notes=url)
    shown = terminal()
    open_app(shown, "asks you to sign in", "open browser")
    shown.press("Enter")
    person.allow()
    shown.wait_for("Signed in to notes")
    shown.press("Enter")
    shown.wait_for("connected")

    demo.end_server(url)
    shown.press("r")
    shown.wait_for("unreachable")
    demo.add_server(port=urlsplit(url).port or 0)

    shown.wait_for("connected", without=["unreachable", "Sign in to"])
    assert person.is_left_alone()
    leave(shown)
    assert statuses(home) == {"notes": "signed_in"}
