"""What all dialogs share by which a server asks a person something: they come by themselves, and go when nobody waits."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Static

from handstamp.ports import Clock
from handstamp.tui.grace import Grace
from handstamp.tui.said import line

__all__ = ["AskingDialog"]

T = TypeVar("T")

LOOK_SECONDS = 0.1


class AskingDialog(ModalScreen[T | None]):
    """
    Gives None where the person only closes it. As long as the grace lasts, nothing in it can be reached; then Cancel, the first
    of its buttons, has the focus.
    """

    DEFAULT_CSS = """
    AskingDialog { align: center middle; }
    AskingDialog > Vertical { width: 76; max-width: 100%; height: auto; max-height: 100%; padding: 0 1; }
    AskingDialog > Vertical { border: round $warning; background: $surface; }
    AskingDialog #body { height: auto; max-height: 1fr; }
    AskingDialog #body > Static { height: auto; margin-bottom: 1; }
    AskingDialog .quiet { color: $text-muted; }
    AskingDialog .warning { color: $text-warning; }
    AskingDialog #buttons { height: 1; align-horizontal: right; }
    AskingDialog Button { margin-left: 2; }
    """
    AUTO_FOCUS: ClassVar[str | None] = ""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Cancel")]

    def __init__(self, server: str, now: Clock) -> None:
        super().__init__()
        self.server = server
        self._now = now
        self._grace: Grace | None = None
        self._is_withdrawn = False

    @abstractmethod
    def title_words(self) -> str:
        """What the server wants, after its name."""

    @abstractmethod
    def compose_body(self) -> Iterable[Widget]:
        """What it asks."""

    @abstractmethod
    def compose_buttons(self) -> Iterable[Button]:
        """What can be answered, Cancel first."""

    def compose(self) -> ComposeResult:
        with Vertical(id="panel", disabled=True) as panel:
            panel.border_title = Content.assemble(line(self.server, limit=30), f" {self.title_words()}")
            with VerticalScroll(id="body", can_focus=False):
                yield from self.compose_body()
            yield Static("", id="problem", classes="warning")
            with Horizontal(id="buttons"):
                yield from self.compose_buttons()

    def on_mount(self) -> None:
        self.query_one("#problem").display = False
        self._grace = Grace(self._now())
        self._listens()
        self.set_interval(LOOK_SECONDS, self._listens)

    def on_key(self, event: events.Key) -> None:
        if self._grace is not None and self._grace.swallows(self._now()):
            event.stop()
            event.prevent_default()

    def on_screen_resume(self) -> None:
        if self._is_withdrawn:
            self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._grace is None

    def withdraw(self) -> None:
        """Nobody waits for an answer any more. What lies over it goes first."""
        self._is_withdrawn = True
        if self.is_attached and self.is_current:
            self.dismiss(None)

    def action_close(self) -> None:
        """Without an answer."""
        self.dismiss(None)

    def say(self, problem: str) -> None:
        """What is wrong with the answer."""
        said = self.query_one("#problem", Static)
        said.update(Content.assemble("✗ ", line(problem)))
        said.display = True

    def _listens(self) -> None:
        if self._grace is None or not self._grace.is_over(self._now()):
            return
        self._grace = None
        self.query_one("#panel").disabled = False
        self.query_one("#buttons Button", Button).focus()
        self.refresh_bindings()
