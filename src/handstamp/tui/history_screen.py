"""The calls of this run on one server: to look back, to change one, to do one again."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from handstamp.tui.call_history import Call
from handstamp.tui.json_text import dump
from handstamp.tui.said import line

__all__ = ["HistoryScreen", "row_of"]

GLYPHS = {"done": "✓", "failed": "✗", "cancelled": "–"}


class HistoryScreen(ModalScreen[tuple[Call, bool] | None]):
    """Gives the call that was chosen, and whether it is to be done at once."""

    DEFAULT_CSS = """
    HistoryScreen { align: center middle; }
    HistoryScreen > Vertical { width: 90%; height: 80%; border: round $border; background: $surface; padding: 0 1; }
    HistoryScreen OptionList { height: 1fr; border: none; text-wrap: nowrap; text-overflow: ellipsis; }
    HistoryScreen Static { height: 1; color: $text-muted; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "Again"),
        Binding("escape", "close", "Back"),
    ]

    def __init__(self, calls: Sequence[Call]) -> None:
        super().__init__()
        self._calls = calls

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Calls of this run"
            yield OptionList(*(Option(row_of(call)) for call in self._calls), compact=True, markup=False)
            yield Static("enter change and call · r again as it was · esc back")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss((self._calls[event.option_index], False))

    def action_again(self) -> None:
        index = self.query_one(OptionList).highlighted
        if index is not None:
            self.dismiss((self._calls[index], True))

    def action_close(self) -> None:
        self.dismiss(None)


def row_of(call: Call) -> Content:
    """When, how it ended, how long it took, what was called and with what."""
    at = datetime.fromtimestamp(call.at).astimezone().strftime("%H:%M:%S")
    name = line(call.offer.name or call.offer.uri, "bold", limit=40)
    said = f"{GLYPHS[call.outcome]} {call.outcome} in {call.seconds:.1f} s  "
    return Content.assemble(f"{at}  {said}", name, "  ", line(dump(call.arguments), "dim", limit=120))
