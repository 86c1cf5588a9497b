"""What came of a call: how far it is, what the server gave, or why it did not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from handstamp.errors import HandstampError
from handstamp.tui.app_of import app_of
from handstamp.tui.calling import Answer, Trouble
from handstamp.tui.results import Attachment, Part, bodies
from handstamp.tui.said import block, line
from handstamp.tui.saving import can_open, save_attachment
from handstamp.tui.surroundings import Surroundings

__all__ = ["AnswerView", "LoginWanted", "StepUpWanted"]


class LoginWanted(Message):
    """The person wants to sign in to the server of this key."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host


class StepUpWanted(Message):
    """The person wants to sign in to the server of this key for more scopes."""

    def __init__(self, host: str, scopes: tuple[str, ...]) -> None:
        super().__init__()
        self.host = host
        self.scopes = scopes


class PartView(Vertical):
    """One piece of an answer, and where it was saved."""

    def __init__(self, part: Part) -> None:
        super().__init__(classes="part")
        self.part = part
        self.saved: Path | None = None
        self._note = Static("", classes="note")

    def compose(self) -> ComposeResult:
        yield Static(self.part.heading, classes="heading")
        yield Static(self.part.body)
        yield self._note

    def note(self, text: Content) -> None:
        self._note.update(text)
        self._note.display = True


class AnswerView(VerticalScroll, can_focus=True):
    """Scrolls; its keys save, open and copy what came."""

    DEFAULT_CSS = """
    AnswerView { padding: 0 1; }
    AnswerView .part { height: auto; margin-bottom: 1; }
    AnswerView .heading { color: $text-muted; text-style: bold; }
    AnswerView .note { color: $text-muted; display: none; }
    AnswerView .trouble { color: $text-error; height: auto; margin-bottom: 1; }
    AnswerView .quiet { color: $text-muted; height: auto; margin-bottom: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save", tooltip="Save files, or else texts, in a private directory"),
        Binding("o", "open", "Open", tooltip="Save pictures and sounds, and open the first with the system's program"),
        Binding("y", "copy", "Copy", tooltip="Copy what is shown"),
        Binding("l", "login", "Sign in", tooltip="Sign in for what the server wants"),
    ]

    def __init__(self, host: str, surroundings: Surroundings, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._host = host
        self._around = surroundings
        self._trouble: Trouble | None = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        views = self.query(PartView)
        match action:
            case "save":
                return True if any(view.part.attachment for view in views) else None
            case "open":
                return True if any(_is_file(view.part) for view in views) else None
            case "copy":
                return True if views else None
            case "login":
                return self._trouble is not None and self._trouble.login
            case _:
                return True

    async def show_words(self, words: str | Content) -> None:
        """One quiet sentence of ours."""
        await self._fill([Static(words, classes="quiet", id="words")])

    def update_words(self, words: Content) -> None:
        """The same sentence, further on."""
        for each in self.query("#words").results(Static):
            each.update(words)

    async def show_answer(self, answer: Answer, seconds: float) -> None:
        """All parts, under how long it took."""
        end = f"The tool says that it failed, after {seconds:.1f} s." if answer.failed else f"Done in {seconds:.1f} s."
        heading = Static(("✗ " if answer.failed else "✓ ") + end, classes="trouble" if answer.failed else "quiet")
        await self._fill([heading, *map(PartView, answer.parts)])

    async def show_trouble(self, trouble: Trouble) -> None:
        """Why there is no answer, and what helps."""
        lines = [Static(Content.assemble("✗ ", block(trouble.message)), classes="trouble")]
        if trouble.scopes:
            lines.append(Static(Content.assemble("It needs more access: ", line(", ".join(trouble.scopes), "bold"))))
        if trouble.login:
            lines.append(Static("Press l to sign in for it.", id="sign-in"))
        elif trouble.next_step:
            lines.append(Static(Content.assemble("Try  ", line(trouble.next_step, "bold"))))
        await self._fill(lines, trouble)

    async def _fill(self, widgets: Sequence[Static | PartView], trouble: Trouble | None = None) -> None:
        self._trouble = trouble
        await self.remove_children()
        await self.mount_all(widgets)
        self.scroll_home(animate=False)
        self.refresh_bindings()

    def action_save(self) -> None:
        """Files; where there are none, texts."""
        views = [view for view in self.query(PartView) if view.part.attachment]
        for view in [view for view in views if _is_file(view.part)] or views:
            self._keep(view)

    def action_open(self) -> None:
        """The first picture or sound."""
        for view in [view for view in self.query(PartView) if _is_file(view.part)]:
            path = self._keep(view)
            if path is not None and can_open(path):
                if not self._around.open_file(path):
                    view.note(Content.assemble("Saved as ", line(str(path)), "; no program opened it."))
                return
        self.notify("Only pictures and sounds are opened; what came is saved.", markup=False)

    def action_copy(self) -> None:
        """As it is drawn."""
        app_of(self).copy_to_clipboard(bodies(view.part for view in self.query(PartView)))
        self.notify("Copied.", markup=False)

    def action_login(self) -> None:
        """The app shows the dialog."""
        if self._trouble is None or not self._trouble.login:
            return
        scopes = self._trouble.scopes
        self.post_message(StepUpWanted(self._host, scopes) if scopes else LoginWanted(self._host))

    def _keep(self, view: PartView) -> Path | None:
        """Where it is saved, once."""
        if view.saved is None and view.part.attachment is not None:
            view.saved = self._save(view.part.attachment, view.note)
        return view.saved

    def _save(self, attachment: Attachment, say: Callable[[Content], None]) -> Path | None:
        try:
            path = save_attachment(attachment, self._around.saved(), self._around.now())
        except HandstampError as error:
            say(Content.assemble("✗ ", line(error.message, limit=500)))
            return None
        say(Content.assemble("Saved as ", line(str(path), limit=500)))
        return path


def _is_file(part: Part) -> bool:
    return part.attachment is not None and not part.attachment.is_text
