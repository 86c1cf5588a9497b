"""A server asks for values in the middle of its work: elicitation in form mode."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, cast

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Button, Static

from handstamp.ports import Clock
from handstamp.tui.asking import AskingDialog
from handstamp.tui.form_view import FormView
from handstamp.tui.said import block
from handstamp.tui.schema_form import build_form

__all__ = ["FormAnswer", "FormDialog", "Plain"]

Plain = str | int | float | bool | list[str] | None
"""A value that the specification lets a form ask for."""

MAX_MESSAGE = 4000


@dataclass(frozen=True, slots=True)
class FormAnswer:
    """What is sent; None where the person declines."""

    content: dict[str, Plain] | None


class FormDialog(AskingDialog[FormAnswer]):
    """Send, decline, or cancel."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+s,ctrl+enter", "send", "Send"),
        Binding("ctrl+r", "switch", "JSON or form"),
    ]

    def __init__(self, server: str, message: str, schema: object, now: Clock) -> None:
        super().__init__(server, now)
        self._message = message
        self._schema = schema

    def title_words(self) -> str:
        return "asks you for values"

    def compose_body(self) -> Iterable[Widget]:
        yield Static(block(self._message[:MAX_MESSAGE]))
        yield Static("! The server gets what you send. Send no password, token or key.", classes="warning")
        yield FormView(build_form(self._schema))

    def compose_buttons(self) -> Iterable[Button]:
        yield Button("Cancel", id="cancel", compact=True)
        yield Button("Decline", id="decline", compact=True)
        yield Button("Send (F5)", id="send", variant="primary", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "send":
                self.action_send()
            case "decline":
                self.dismiss(FormAnswer(None))
            case _:
                self.dismiss(None)

    def action_send(self) -> None:
        """What is entered, where it is right."""
        arguments = self.query_one(FormView).read()
        if arguments is None:
            return
        if all(map(_is_plain, arguments.values())):
            self.dismiss(FormAnswer(cast("dict[str, Plain]", arguments)))
        else:
            self.say("Expected plain values and lists of text: a form can send nothing else.")

    async def action_switch(self) -> None:
        """Between fields and JSON."""
        await self.query_one(FormView).switch()


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str) for each in cast("list[object]", value))
    return value is None or isinstance(value, str | int | float)
