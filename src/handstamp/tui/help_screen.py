"""What the keys do, for what has the focus and for the screen around it; with the command that does the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Static

from handstamp.tui.actions import ACTIONS
from handstamp.tui.rows import Row
from handstamp.tui.said import line

__all__ = ["Explained", "HelpScreen", "explain_actions", "explain_focused"]


@dataclass(frozen=True, slots=True)
class Explained:
    """A key and what it does. Our own words."""

    key: str
    label: str
    does: str
    command: str | None = None


def explain_actions(keys: Mapping[str, str], row: Row | None) -> Sequence[Explained]:
    """Those of the list of servers; `keys` as they are mapped now, by the id of an action."""
    return [Explained(keys.get(each.id, each.keys), each.label, each.tooltip, each.twin(row)) for each in ACTIONS]


def explain_focused(active: Iterable[ActiveBinding], around: Iterable[DOMNode], name: Mapping[str, str]) -> Sequence[Explained]:
    """What the keys do in what has the focus, and in none of `around`; `name` has the keys as people call them."""
    own = [each for each in active if each.node not in tuple(around) and each.binding.show]
    return [Explained(name.get(each.binding.key, each.binding.key), each.binding.description, each.tooltip or "") for each in own]


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
            scrollbar-size-vertical: 1;
        }
        Horizontal, Static { height: auto; }
        .keys { width: 10; color: $accent; text-style: bold; }
        .label { width: 12; }
        .does { width: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss", "Close")]

    def __init__(self, *sections: Sequence[Explained]) -> None:
        super().__init__()
        self._sections = [each for each in sections if each]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as panel:
            panel.border_title = "Keys"
            panel.border_subtitle = "esc closes"
            for number, section in enumerate(self._sections):
                if number:
                    yield Static("")
                for each in section:
                    with Horizontal():
                        yield Static(Content(each.key), classes="keys")
                        yield Static(Content(each.label), classes="label")
                        yield Static(_does(each), classes="does")


def _does(explained: Explained) -> Content:
    if explained.command is None:
        return Content(explained.does)
    return Content.assemble(explained.does, "\n", line(explained.command, "$foreground-muted", limit=1000))
