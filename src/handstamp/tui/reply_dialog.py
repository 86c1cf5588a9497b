"""A server asks for the words of a model, which Handstamp has none of: the person may give theirs (sampling)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from handstamp.ports import Clock
from handstamp.tui.asking import AskingDialog
from handstamp.tui.hidden import Mask
from handstamp.tui.said import block, line

if TYPE_CHECKING:
    from mcp_types import CreateMessageRequestParams, SamplingMessage

__all__ = ["Reply", "ReplyDialog", "asked_in_words"]

MAX_MESSAGES = 50
MAX_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class Reply:
    """The person's words; or None, and why there are none."""

    text: str | None
    reason: str = ""


def asked_in_words(asked: "CreateMessageRequestParams", mask: Mask) -> Content:
    """All that a model would be told, each part under whose it is; the newest messages where there are many."""
    parts: list[Content] = []
    if asked.system_prompt:
        parts.append(Content.assemble(("system\n", "bold"), block(mask(asked.system_prompt[:MAX_TEXT]))))
    left_out = len(asked.messages) - MAX_MESSAGES
    if left_out > 0:
        parts.append(Content(f"… {left_out} earlier messages"))
    parts += [_message(each, mask) for each in asked.messages[-MAX_MESSAGES:]]
    return Content("\n\n").join(parts)


class ReplyDialog(AskingDialog[Reply]):
    """Answer, refuse with a reason, or cancel, which is a refusal without one."""

    DEFAULT_CSS = """
    ReplyDialog TextArea, ReplyDialog Input { background: $panel; margin-bottom: 1; }
    ReplyDialog TextArea { height: 5; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+s,ctrl+enter", "send", "Answer")]

    def __init__(self, server: str, asked: "CreateMessageRequestParams", mask: Mask, now: Clock) -> None:
        super().__init__(server, now)
        self._words = asked_in_words(asked, mask)

    def title_words(self) -> str:
        return "asks for a model's answer"

    def compose_body(self) -> Iterable[Widget]:
        yield Static("Handstamp has no model. You may answer in its place; the server gets what you write.", classes="quiet")
        yield Static(self._words)
        yield TextArea(id="reply", compact=True, placeholder="your answer", highlight_cursor_line=False)
        yield Input(id="reason", compact=True, placeholder="or why not")

    def compose_buttons(self) -> Iterable[Button]:
        yield Button("Refuse", id="refuse", compact=True)
        yield Button("Answer (F5)", id="send", variant="primary", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "send":
            self.action_send()
        else:
            self.dismiss(Reply(None, self.query_one("#reason", Input).value.strip()))

    def action_send(self) -> None:
        """What is written."""
        text = self.query_one("#reply", TextArea).text
        if text.strip():
            self.dismiss(Reply(text))
        else:
            self.say("Expected an answer, got none.")


def _message(message: "SamplingMessage", mask: Mask) -> Content:
    said = [
        block(mask(each.text[:MAX_TEXT])) if each.type == "text" else Content(f"({each.type}, not shown)")
        for each in message.content_as_list[:MAX_MESSAGES]
    ]
    return Content.assemble(line(message.role, "bold", limit=20), "\n", Content("\n").join(said))
