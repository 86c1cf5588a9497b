"""What the keys do, for what has the focus and for the screen around it; with the command that does the same."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from handstamp.tui.actions import ACTIONS

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
        Static { height: auto; }
    }
    """
    BINDINGS = (("escape,q,question_mark", "dismiss", "Close"),)

    def __init__(self, keys: Mapping[str, str], focused: Content) -> None:
        """`keys` as they are mapped now, by the identifier of an action; `focused` says what has the focus does."""
        super().__init__()
        self._keys = keys
        self._focused = focused

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as panel:
            panel.border_title = "Keys"
            panel.border_subtitle = "esc closes"
            yield Static(self._words())

    def _words(self) -> Content:
        lines = [self._focused, Content("")] if self._focused.plain else []
        for each in ACTIONS:
            identifier = f"{each.id}.{each.parameter}" if each.parameter else each.id
            keys = Content.styled(f"{self._keys.get(identifier, each.keys):<9}", "bold $accent")
            lines.append(Content.assemble(keys, f"{each.label:<11}", each.tooltip))
            if each.command is not None:
                lines.append(Content.styled(f"{'':<20}{each.command}", "$foreground-muted"))
        return Content("\n").join(lines)
