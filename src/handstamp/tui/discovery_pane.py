"""The tab "Discovery": why the server in hand works, or does not, step by step as it is found out."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar, Self, cast

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.worker import Worker

from handstamp.doctor import Diagnosis, Finding, report
from handstamp.errors import HandstampError, find_error, hint
from handstamp.tui.background import in_background
from handstamp.tui.discovery_words import describe_ending, describe_failure, describe_finding, describe_progress

__all__ = ["DiscoveryPane", "Examine"]

Examine = Callable[[Callable[[Finding], None]], Awaitable[Diagnosis]]
"""Examines one server, as `Vault.doctor` does, and tells of each finding as it comes."""

PAUSE = 0.4
"""Seconds that a server is in hand before it is asked: whoever runs through the list asks none of those in between."""
FRAME = 2
"""Of the width: padding."""


class FindingList(OptionList):
    """The findings, one below the other. What its keys ask for is done by the pane."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,r", "examine", "Examine", tooltip="Take every step again", id="discovery.examine"),
        Binding("y", "copy_report", "Copy report", tooltip="For an issue: no secret, nothing of yours", id="discovery.copy"),
        Binding("j", "cursor_down", "Down", show=False, id="discovery.down"),
        Binding("k", "cursor_up", "Up", show=False, id="discovery.up"),
    ]

    class Examined(Message):
        """Somebody wants to know it anew."""

    class ReportWanted(Message):
        """Somebody wants to show it to others."""

    def action_examine(self) -> None:
        self.post_message(self.Examined())

    def action_copy_report(self) -> None:
        self.post_message(self.ReportWanted())


class DiscoveryPane(Widget):
    """
    Shows one server at a time. What was found out of a server is kept and shown again, until somebody asks anew.

    `pause`: seconds before a server that is new to it is asked.
    """

    DEFAULT_CSS = """
    DiscoveryPane {
        height: 1fr;
        layout: vertical;

        #ending { height: auto; padding: 0 1; margin: 0 0 1 0; }
        FindingList {
            height: 1fr;
            border: none;
            padding: 0 1;
            background: transparent;
            scrollbar-size-vertical: 1;
            &:focus { border: none; background-tint: transparent; }
            & > .option-list--option-highlighted,
            &:focus > .option-list--option-highlighted { color: $foreground; background: $boost; text-style: none; }
            &:focus > .option-list--option-highlighted { background: $surface-lighten-1; }
        }
    }
    """

    def __init__(self, *, pause: float = PAUSE, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pause = pause
        self._server: str | None = None
        self._examine: Examine | None = None
        self._timer: Timer | None = None
        self._worker: Worker[None] | None = None
        self._findings: list[Finding] = []
        self._known: dict[str, Diagnosis | HandstampError] = {}
        self._is_asking = False

    def compose(self) -> ComposeResult:
        yield Static(id="ending")
        yield FindingList()

    def focus(self, scroll_visible: bool = True) -> Self:
        """The findings take it."""
        self._list.focus(scroll_visible)
        return self

    def show(self, server: str | None, examine: Examine | None) -> None:
        """`server` is in hand from now on. Called again for the same one it changes nothing."""
        self._examine = examine
        if server == self._server:
            return
        self._stop()
        self._server = server
        known = None if server is None else self._known.get(server)
        self._take(list(known.findings) if isinstance(known, Diagnosis) else [])
        if known is None and server is not None and examine is not None:
            self._timer = self.set_timer(self._pause, self.examine)

    def examine(self) -> None:
        """Takes every step, now."""
        server, examine = self._server, self._examine
        if server is None or examine is None:
            return
        self._stop()
        self._known.pop(server, None)
        self._is_asking = True
        self._take([])
        self._worker = in_background(self, partial(self._run, server, examine))

    @property
    def diagnosis(self) -> Diagnosis | None:
        """What was found out of the server in hand."""
        known = self._known.get(self._server or "")
        return known if isinstance(known, Diagnosis) else None

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._is_asking = False
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None

    async def _run(self, server: str, examine: Examine) -> None:
        try:
            outcome: Diagnosis | HandstampError = await examine(lambda finding: self._found(server, finding))
        except Exception as error:
            # Only the class is named: the text of an error that nobody foresaw may hold anything.
            outcome = find_error(error) or HandstampError(
                f"Handstamp itself failed: {type(error).__name__}.", hint=hint("doctor", server=server)
            )
        self._known[server] = outcome
        if server == self._server:
            self._is_asking = False
            self._draw_ending()
            self._open_failure()

    def _open_failure(self) -> None:
        """What is in the way is what they want to read, unless they read something already."""
        failure = None if self.diagnosis is None else self.diagnosis.failure
        if failure is not None and self._list.highlighted is None:
            self._list.highlighted = self._findings.index(failure)

    def _found(self, server: str, finding: Finding) -> None:
        if server != self._server:
            return
        self._findings.append(finding)
        self._list.add_option(describe_finding(finding, self._width, is_open=False))
        self._draw_ending()

    def _take(self, findings: list[Finding]) -> None:
        self._findings = findings
        listed = self._list
        listed.clear_options()
        listed.add_options(describe_finding(each, self._width, is_open=False) for each in findings)
        self._draw_ending()

    @property
    def _list(self) -> FindingList:
        return self.query_one(FindingList)

    @property
    def _width(self) -> int:
        return max(20, self._list.scrollable_content_region.width or self.size.width - FRAME)

    @on(OptionList.OptionHighlighted)
    def _other_finding(self) -> None:
        self._draw_findings()

    @on(FindingList.Examined)
    def _asked_anew(self) -> None:
        self.examine()

    @on(FindingList.ReportWanted)
    def _copy_report(self) -> None:
        if self.diagnosis is None:
            self.notify("There is a report once every step was taken.", severity="warning")
            return
        app = cast("App[object]", self.app)  # pyright: ignore[reportUnknownMemberType]  # Textual leaves its type open
        app.copy_to_clipboard(report(self.diagnosis))
        self.notify("Copied, where your terminal allows it.")

    def on_resize(self, event: events.Resize) -> None:
        self._draw_findings()
        self._draw_ending()

    def _draw_findings(self) -> None:
        listed = self._list
        for number, finding in enumerate(self._findings):
            content = describe_finding(finding, self._width, is_open=number == listed.highlighted)
            if listed.get_option_at_index(number).prompt != content:
                listed.replace_option_prompt_at_index(number, content)
        if listed.highlighted is not None:
            listed.scroll_to_highlight()

    def _draw_ending(self) -> None:
        ending = self.query_one("#ending", Static)
        match self._known.get(self._server or ""):
            case Diagnosis() as diagnosis:
                ending.update(describe_ending(diagnosis, self._width))
            case HandstampError() as error:
                ending.update(describe_failure(error, self._width))
            case None:
                ending.update(
                    describe_progress(self._findings) if self._is_asking else "Enter finds out why it works, or does not."
                )
