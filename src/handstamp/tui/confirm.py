"""Asks before something is done that cannot be undone."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

__all__ = ["Confirm"]


class Confirm(ModalScreen[bool]):
    """True where the person says so. What it is about is fit to be shown; Cancel has the focus."""

    DEFAULT_CSS = """
    Confirm {
        align: center middle;

        #question {
            width: 60;
            max-width: 100%;
            height: auto;
            padding: 1 2;
            background: $surface;
            border: round $warning;
            border-title-color: $warning;
        }
        #words { height: auto; }
        #buttons { height: auto; margin-top: 1; align-horizontal: right; }
        Button { margin-left: 2; background: $panel; color: $foreground; }
        Button:focus { background: $primary; color: $background; text-style: bold !important; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "cancel", "Cancel"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, words: Content, *, yes: str) -> None:
        super().__init__()
        self._title = title
        self._words = words
        self._yes = yes

    def compose(self) -> ComposeResult:
        with Vertical(id="question") as question:
            question.border_title = self._title
            yield Static(self._words, id="words")
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(self._yes, id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_cancel(self) -> None:
        self.dismiss(False)
