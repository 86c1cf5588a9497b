"""Gives a server a name, or changes what `servers.toml` says of one: what `handstamp add` does, in a form."""

import shlex
from dataclasses import dataclass, replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Label, Static

from handstamp.errors import HandstampError, UsageError
from handstamp.model import ClientSettings
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.text import harmless
from handstamp.protocol.urls import parse_server_url
from handstamp.settings import Configured, ProgramSettings, ServerSettings, require_command, require_name
from handstamp.tui.said import line

__all__ = ["EditDialog", "Entry", "changed", "parse_entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person typed."""

    name: str = ""
    where: str = ""
    """A URL, or a program and its arguments as a shell has them."""
    scopes: str = ""
    client_id: str = ""
    sse: bool = False

    @classmethod
    def of(cls, configured: Configured) -> "Entry":
        """What to begin with where something is changed."""
        match configured:
            case ProgramSettings():
                return cls(configured.name, shlex.join(configured.command))
            case ServerSettings():
                client_id = configured.client.client_id or ""
                return cls(configured.name, configured.url, " ".join(configured.scopes), client_id, configured.transport == "sse")

    @property
    def draws(self) -> bool:
        """False where a field would hold what a terminal acts on or hides: a field shows its text as it is (TH1, TH2)."""
        return all(harmless(each) == each for each in (self.name, self.where, self.scopes, self.client_id))


def parse_entry(entry: Entry) -> Configured:
    """The settings that are meant. Raises UsageError or InsecureUrl, each a sentence to stand below the form."""
    name, where = require_name(entry.name.strip()), entry.where.strip()
    if not where:
        raise UsageError("Expected a URL or a command, got nothing.")
    if "://" in where.split()[0]:
        client = ClientSettings(client_id=entry.client_id.strip() or None)
        scopes = parse_scopes(entry.scopes)
        return ServerSettings(name, parse_server_url(where), client, scopes, transport="sse" if entry.sse else "http")
    try:
        command = tuple(shlex.split(where))
    except ValueError as error:
        raise UsageError(f"Expected a command as a shell has it, got one with an error: {error}.") from error
    if entry.scopes.strip() or entry.client_id.strip():
        raise UsageError("Expected no scopes and no client ID for a program: nobody signs in to it.")
    return ProgramSettings(name, require_command(command))


def changed(before: Configured, entry: Entry) -> Configured:
    """What becomes of settings that are there: what the form shows is as it says, all else stays."""
    match before, parse_entry(entry):
        case ServerSettings(), ServerSettings() as meant:
            client = before.client
            if meant.client.client_id is None and client.client_id is not None:
                # What it proved itself with goes with it.
                client = replace(client, client_secret_from=None, private_key_from=None, signing_algorithm=None)
            client = replace(client, client_id=meant.client.client_id)
            return replace(before, url=meant.url, scopes=meant.scopes, client=client, transport=meant.transport)
        case ProgramSettings(), ProgramSettings() as meant:
            return replace(before, command=meant.command)
        case _, meant:
            return meant


class EditDialog(ModalScreen[Entry | None]):
    """Gives what was typed once it can be meant, or None where the person left it."""

    DEFAULT_CSS = """
    EditDialog {
        align: center middle;

        #form {
            width: 72;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 0 2;
            background: $surface;
            border: round $primary;
        }
        Horizontal { height: auto; }
        Label { width: 12; color: $foreground-muted; }
        Input, Checkbox { width: 1fr; margin-bottom: 1; }
        Checkbox { padding: 0; border: none; }
        Checkbox > .toggle--button { color: $foreground 30%; background: $foreground 30%; }
        Checkbox.-on > .toggle--button { color: $text; background: $primary; }
        #problem { height: auto; color: $error; }
        #buttons { align-horizontal: right; margin-top: 1; }
        Button { margin-left: 2; background: $panel; color: $foreground; }
        Button:focus { background: $primary; color: $background; text-style: bold !important; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, entry: Entry | None = None) -> None:
        super().__init__()
        self._entry = entry or Entry()
        self._is_new = entry is None

    def compose(self) -> ComposeResult:
        entry = self._entry
        with VerticalScroll(id="form") as form:
            form.can_focus = False
            form.border_title = "Add a server" if self._is_new else "Change a server"
            form.border_subtitle = "enter saves · esc leaves it"
            with Horizontal():
                yield Label("Name")
                yield Input(entry.name, id="name", placeholder="linear", compact=True, disabled=not self._is_new)
            with Horizontal():
                yield Label("URL")
                yield Input(entry.where, id="where", placeholder="https://… or a command: npx -y …", compact=True)
            with Horizontal():
                yield Label("Scopes")
                yield Input(entry.scopes, id="scopes", placeholder="as the server asks for them", compact=True)
            with Horizontal():
                yield Label("Client ID")
                yield Input(entry.client_id, id="client-id", placeholder="only of a client that you registered", compact=True)
            with Horizontal():
                yield Label("")
                yield Checkbox("speaks HTTP+SSE, as servers of 2024 do", entry.sse, id="sse", compact=True)
            yield Static(id="problem")
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Save", id="save", compact=True)

    def on_mount(self) -> None:
        self.query_one("#name" if self._is_new else "#where").focus()

    def on_input_submitted(self) -> None:
        self._save()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "save":
            self._save()
        else:
            self.dismiss(None)

    def action_cancel(self) -> None:
        self.dismiss(None)

    def _save(self) -> None:
        values = {each.id: each.value for each in self.query(Input)}
        sse = self.query_one(Checkbox).value
        entry = Entry(values["name"], values["where"], values["scopes"], values["client-id"], sse)
        try:
            parse_entry(entry)
        except HandstampError as error:
            self.query_one("#problem", Static).update(line(error.message, limit=500))
            return
        self.dismiss(entry)
