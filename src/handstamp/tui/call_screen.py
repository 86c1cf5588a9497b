"""
Calls a tool, gets a prompt or reads a resource: a form, and beside it or below what came.

F5 calls, and so does ctrl+s: both reach a program through every terminal and tmux. Ctrl+enter works too where the terminal tells
it from enter, which most do not.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Footer, Static
from textual.worker import Worker

from handstamp.hosts.connection import Host
from handstamp.tui.answer_view import AnswerView
from handstamp.tui.app_of import app_of
from handstamp.tui.background import in_background
from handstamp.tui.call_history import Call
from handstamp.tui.calling import do_call, explain, progress_line
from handstamp.tui.confirm import Confirm
from handstamp.tui.form_view import FormView
from handstamp.tui.offers import Offer, Sort, asks_first
from handstamp.tui.said import line
from handstamp.tui.schema_form import build_form
from handstamp.tui.surroundings import Surroundings

__all__ = ["CallScreen"]

VERBS = {Sort.TOOL: "Call", Sort.PROMPT: "Get", Sort.RESOURCE: "Read", Sort.TEMPLATE: "Read"}


class CallScreen(Screen[None]):
    """One offer of one server. `arguments` are those of an earlier call; `at_once` calls with them."""

    DEFAULT_CSS = """
    CallScreen .bar { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    CallScreen #halves { height: 1fr; layout: vertical; }
    CallScreen #asked { height: auto; max-height: 60%; border: round $panel-lighten-2; }
    CallScreen #asked:focus-within, CallScreen AnswerView:focus { border: round $border; }
    CallScreen AnswerView { height: 1fr; border: round $panel-lighten-2; }
    CallScreen #buttons { height: 1; padding: 0 1; }
    CallScreen #buttons Button { margin-right: 2; }
    CallScreen.-wide #halves { layout: horizontal; }
    CallScreen.-wide #asked { width: 45%; height: 100%; max-height: 100%; }
    CallScreen.-wide AnswerView { width: 1fr; height: 100%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+s,ctrl+enter", "call", "Call", tooltip="Call with what is entered"),
        Binding("ctrl+r", "switch", "JSON", tooltip="Edit the arguments as JSON, or in fields"),
        Binding("escape", "leave", "Back", tooltip="Cancel the call that runs, or go back"),
    ]

    def __init__(
        self,
        host: Host,
        offer: Offer,
        surroundings: Surroundings,
        *,
        arguments: Mapping[str, object] | None = None,
        at_once: bool = False,
    ) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
        self._host = host
        self._offer = offer
        self._around = surroundings
        self._arguments = arguments
        self._at_once = at_once
        self._calling: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        yield Static(self._title(), classes="bar")
        with Container(id="halves"):
            with VerticalScroll(id="asked", can_focus=False):
                yield FormView(build_form(self._offer.schema), self._arguments, id="form")
                with Horizontal(id="buttons"):
                    yield Button(f"{self._verb} (F5)", variant="primary", id="call", compact=True)
                    yield Button("JSON (^r)", id="switch", compact=True)
            yield AnswerView(self._host.key, self._around, id="answer")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        self.query_one(FormView).focus_first()
        await self._answer.show_words(f"{self._verb} it with F5, and what comes stands here.")
        if self._at_once:
            self.action_call()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "call":
            self.action_call()
        else:
            in_background(self, self.action_switch)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "call" | "switch":
                return None if self._is_calling else True
            case _:
                return True

    def action_call(self) -> None:
        """With what is entered; where the server marks the tool as destructive, after a yes."""
        if self._is_calling:
            return
        arguments = self.query_one(FormView).read()
        if arguments is None:
            return
        if not asks_first(self._offer):
            self._begin(arguments)
            return
        tool, server = line(self._offer.name, "bold"), line(self._host.target.name, "bold")
        words = Content.assemble(server, " says that ", tool, " may destroy or overwrite something.")
        app_of(self).push_screen(Confirm("Call it?", words, yes="Call"), lambda yes: self._begin(arguments) if yes else None)

    async def action_switch(self) -> None:
        """Between fields and JSON."""
        await self.query_one(FormView).switch()

    def action_leave(self) -> None:
        """First out of the call, then off the screen."""
        if self._calling is not None and self._is_calling:
            self._calling.cancel()  # whoever waits for the server stops waiting, and the connection tells it
        else:
            self.dismiss()

    @property
    def _is_calling(self) -> bool:
        return self._calling is not None and not self._calling.is_finished

    @property
    def _answer(self) -> AnswerView:
        return self.query_one(AnswerView)

    @property
    def _verb(self) -> str:
        return VERBS[self._offer.sort]

    def _title(self) -> Content:
        name = line(self._offer.name or self._offer.uri, limit=60)
        return Content.assemble(f"{self._verb} ", name, " · ", line(self._host.key, limit=40))

    def _begin(self, arguments: Mapping[str, object]) -> None:
        self._calling = in_background(self, partial(self._call, arguments), name="call", exit_on_error=False)
        self.refresh_bindings()

    async def _call(self, arguments: Mapping[str, object]) -> None:
        began, outcome = self._around.now(), "cancelled"
        await self._answer.show_words("Waiting for the server… esc cancels.")
        try:
            answer = await do_call(self._host, self._offer, arguments, self._around.mask, self._on_progress)
            outcome = "failed" if answer.failed else "done"
            await self._answer.show_answer(answer, self._around.now() - began)
        except Exception as error:
            outcome = "failed"
            await self._answer.show_trouble(explain(error, self._around.mask))
        finally:
            self._end(Call(self._host.key, self._offer, arguments, began, self._around.now() - began, outcome))

    async def _on_progress(self, progress: float, total: float | None, message: str | None) -> None:
        masked = None if message is None else self._around.mask(message)
        self._answer.update_words(progress_line(progress, total, masked))

    def _end(self, call: Call) -> None:
        self._around.history.add(call)
        if not self.is_attached:
            return
        if call.outcome == "cancelled":
            # The task that called is being cancelled: what is left to be said is another one's.
            self.call_later(self._answer.show_words, "– Cancelled; the server was told.")
        self._answer.focus()
        self.call_later(self.refresh_bindings)
