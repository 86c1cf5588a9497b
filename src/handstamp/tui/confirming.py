"""Asks before a tool that its server marks as destructive is called."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

__all__ = ["ConfirmCall"]


class ConfirmCall(ModalScreen[bool]):
    """True where the person says yes. Cancel has the focus."""

    DEFAULT_CSS = """
    ConfirmCall { align: center middle; }
    ConfirmCall > Vertical { width: 60; max-width: 90%; height: auto; padding: 1 2; }
    ConfirmCall > Vertical { border: round $warning; background: $surface; }
    ConfirmCall Static { height: auto; margin-bottom: 1; }
    ConfirmCall Horizontal { height: auto; align-horizontal: right; }
    ConfirmCall Button { margin-left: 2; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "say(False)", "Cancel"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, tool: Content, server: Content) -> None:
        super().__init__()
        self._tool = tool
        self._server = server

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Call it?"
            yield Static(Content.assemble(self._server, " says that ", self._tool, " may destroy or overwrite something."))
            with Horizontal():
                yield Button("Cancel", id="no", compact=True)
                yield Button("Call", variant="warning", id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_say(self, answer: bool) -> None:
        self.dismiss(answer)
