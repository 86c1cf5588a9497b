"""The form for a server: what is typed into it, as settings."""

from dataclasses import replace

import pytest

from handstamp.errors import HandstampError
from handstamp.model import ClientSettings
from handstamp.settings import Configured, ProgramSettings, ServerSettings
from handstamp.tui.edit_dialog import Entry, changed, parse_entry

URL = "https://mcp.linear.app/mcp"
SERVER = ServerSettings("linear", URL, ClientSettings(client_id="me", client_secret_from="vault"), ("read",), callback_port=7777)


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        (Entry("linear", f" {URL} "), ServerSettings("linear", URL)),
        (Entry("linear", URL, "read  write"), ServerSettings("linear", URL, scopes=("read", "write"))),
        (Entry("linear", URL, sse=True), ServerSettings("linear", URL, transport="sse")),
        (Entry("files", "npx -y 'a b'"), ProgramSettings("files", ("npx", "-y", "a b"))),
    ],
)
def test_a_url_is_a_server_and_all_else_a_command(entry: Entry, meant: Configured) -> None:
    assert parse_entry(entry) == meant


@pytest.mark.parametrize(
    "entry",
    [
        Entry("", URL),
        Entry("a b", URL),
        Entry("linear", ""),
        Entry("linear", "http://mcp.linear.app/mcp"),
        Entry("files", "npx 'open"),
        Entry("files", "npx", scopes="read"),
        Entry("files", "npx", client_id="me"),
    ],
    ids=["no name", "bad name", "nothing", "not secure", "open quote", "scopes", "client"],
)
def test_what_cannot_be_meant_is_said_below_the_form(entry: Entry) -> None:
    with pytest.raises(HandstampError, match=r"^Expected "):
        parse_entry(entry)


def test_a_change_leaves_what_the_form_does_not_show() -> None:
    entry = replace(Entry.of(SERVER), where="https://mcp.linear.app/v2")

    assert changed(SERVER, entry) == replace(SERVER, url="https://mcp.linear.app/v2")


def test_what_is_emptied_in_the_form_is_gone() -> None:
    entry = replace(Entry.of(SERVER), scopes="", client_id="")

    assert changed(SERVER, entry) == replace(SERVER, scopes=(), client=ClientSettings())


def test_a_program_keeps_its_surroundings_and_may_become_a_server() -> None:
    program = ProgramSettings("files", ("npx", "files"), (("A", "env:A"),))

    assert changed(program, Entry("files", "uvx files")) == replace(program, command=("uvx", "files"))
    assert changed(program, Entry("files", URL)) == ServerSettings("files", URL)
