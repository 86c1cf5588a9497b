"""The lines to paste into a `servers.toml` that is not ours to write."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from handstamp.errors import SettingsError
from handstamp.tui.app_of import app_of
from handstamp.tui.said import block, line

__all__ = ["LinesDialog"]


class LinesDialog(ModalScreen[None]):
    """Says why the file was not written, and what to put into it."""

    DEFAULT_CSS = """
    LinesDialog {
        align: center middle;

        #lines-panel {
            width: 76;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            padding: 1 2;
            background: $surface;
            border: round $warning;
            border-title-color: $warning;
            scrollbar-size-vertical: 1;
        }
        Static { height: auto; margin-bottom: 1; }
        #lines { background: $panel; padding: 0 1; margin: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("c", "copy", "Copy", tooltip="Copy the lines"),
    ]

    def __init__(self, error: SettingsError, lines: str) -> None:
        super().__init__()
        self._error = error
        self._lines = lines.strip()

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="lines-panel") as panel:
            panel.border_title = "Paste these lines"
            panel.border_subtitle = "c copies · esc closes"
            yield Static(line(self._error.message, limit=1000))
            yield Static(block(self._lines), id="lines")

    def action_copy(self) -> None:
        app_of(self).copy_to_clipboard(self._lines)
        self.notify("Copied, where your terminal allows it.", markup=False)
