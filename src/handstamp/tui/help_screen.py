"""What the keys do, for what has the focus and for the screen around it; with the command that does the same."""

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from handstamp.tui.actions import ACTIONS, Action

__all__ = ["HelpScreen"]


class HelpScreen(ModalScreen[None]):
    """Closes by any of the keys that leave something."""

    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;

        #help {
            width: 90;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 1 2;
            background: $surface;
            border: round $primary;
        }
        Horizontal, Static { height: auto; }
        .keys { width: 10; color: $accent; text-style: bold; }
        .label { width: 12; }
        .does { width: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "Close")]

    def __init__(self, keys: Mapping[str, str], focused: Content) -> None:
        """`keys` as they are mapped now, by the identifier of an action; `focused` says what has the focus does."""
        super().__init__()
        self._keys = keys
        self._focused = focused

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as panel:
            panel.border_title = "Keys"
            panel.border_subtitle = "esc closes"
            if self._focused.plain:
                yield Static(self._focused)
            for each in ACTIONS:
                with Horizontal():
                    yield Static(Content(self._keys.get(each.identifier, each.keys)), classes="keys")
                    yield Static(each.label, classes="label", markup=False)
                    yield Static(_does(each), classes="does")


def _does(action: Action) -> Content:
    if action.command is None:
        return Content(action.tooltip)
    return Content.assemble(action.tooltip, "\n", (action.command, "$foreground-muted"))
