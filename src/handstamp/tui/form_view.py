"""The form of a schema on the screen: an editor for each field, or one JSON text for all of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Select, Static, TextArea
from textual.widgets.option_list import Option

from handstamp.tui.form_rules import Wrong, rules_in_words
from handstamp.tui.form_values import Entry, defaults, draft, fill, parse_object, read_form
from handstamp.tui.json_text import pretty
from handstamp.tui.said import cell, line
from handstamp.tui.schema_form import Field, Form, Kind, Path

__all__ = ["FormView"]


class Lines(TextArea):
    """Text of one line or more. Enter goes on to the next field, as in all others; ctrl+j begins a line."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+j", "begin_line", "New line", show=False)]

    async def _on_key(self, event: events.Key) -> None:
        if event.key != "enter":
            await super()._on_key(event)
            return
        event.prevent_default()
        event.stop()
        self.screen.focus_next()

    def action_begin_line(self) -> None:
        self.insert("\n")


class Choices(OptionList):
    """Any of some values: enter or space takes one in, or out. Which ones are in is said by more than a colour."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "Choose", show=False)]

    def __init__(self, labels: Sequence[str], chosen: tuple[int, ...]) -> None:
        self.chosen = set(chosen)
        self._labels = labels
        super().__init__(*(Option(self._prompt(index)) for index in range(len(labels))), compact=True, markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.chosen ^= {event.option_index}
        self.replace_option_prompt_at_index(event.option_index, self._prompt(event.option_index))

    def _prompt(self, index: int) -> Content:
        return Content.assemble("[x] " if index in self.chosen else "[ ] ", line(self._labels[index]))


Editor = Input | TextArea | Select[int] | Choices


class FieldView(Vertical):
    """One field: what it is called, what it takes, its editor, and what is wrong."""

    def __init__(self, field: Field, entry: Entry) -> None:
        super().__init__(classes="field")
        self.field = field
        self._entry = entry
        self._problem = Static("", classes="problem")
        self._editor = _make_editor(field, entry)

    def compose(self) -> ComposeResult:
        yield Static(_title(self.field), classes="label")
        if self.field.description:
            yield Static(line(self.field.description, limit=300), classes="about")
        yield self._editor
        yield self._problem

    @property
    def entry(self) -> Entry:
        match self._editor:
            case Input() as editor:
                return editor.value
            case TextArea() as editor:
                return editor.text
            case Choices() as editor:
                return tuple(sorted(editor.chosen))
            case editor:
                return editor.value if isinstance(editor.value, int) else None

    def say(self, problem: str | None) -> None:
        """Under the editor; nothing takes it away."""
        self._problem.update(Content.assemble("✗ ", line(problem)) if problem else "")
        self.set_class(problem is not None, "-wrong")

    def take_focus(self) -> None:
        self._editor.focus()


class FormView(Widget):
    """
    All fields of a form, one below the other, or the whole as JSON. What was entered survives the change from one to the other.

    `entered` overrides the defaults of the schema; `arguments` are those of an earlier call.
    """

    DEFAULT_CSS = """
    FormView { height: auto; }
    FormView .field, FormView .group { height: auto; padding: 0 1; margin-bottom: 1; }
    FormView .group { margin-bottom: 0; text-style: bold; }
    FormView .inside { padding-left: 3; }
    FormView .label, FormView .about, FormView .problem { height: auto; }
    FormView .about { color: $text-muted; }
    FormView .problem { color: $text-error; display: none; }
    FormView .-wrong .problem { display: block; }
    FormView Input, FormView TextArea, FormView Choices, FormView SelectCurrent { background: $panel; }
    FormView .field Input, FormView .field Choices, FormView .field SelectCurrent { padding: 0 1; }
    FormView Lines { height: auto; max-height: 8; }
    FormView .json { height: 12; }
    FormView Choices { height: auto; max-height: 8; }
    FormView Select { height: auto; }
    FormView .empty { padding: 0 1; color: $text-muted; }
    """

    def __init__(self, form: Form, arguments: Mapping[str, object] | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._form = form
        self._whole: str | None = None
        self._entered: dict[Path, Entry] = {}
        self._start(arguments)

    @property
    def in_json(self) -> bool:
        """Whether the whole is edited as JSON."""
        return self._whole is not None

    def compose(self) -> ComposeResult:
        if self._whole is not None:
            with Vertical(classes="field"):
                yield Static("Arguments as one JSON object", classes="label")
                yield TextArea(self._whole, id="whole", classes="json", language=None, show_line_numbers=False, compact=True)
                yield Static("", id="whole-problem", classes="problem")
            return
        if not self._form.fields:
            yield Static("It takes no arguments.", classes="empty")
        yield from self._compose_fields(self._form.fields, 0)

    def read(self) -> dict[str, object] | None:
        """The arguments; None where something is wrong, which then stands under its field, and the first one has the focus."""
        if self.in_json:
            return self._read_whole()
        reading = read_form(self._form, self._gather())
        wrong = [view for view in self.query(FieldView) if view.field.path in reading.problems]
        for view in self.query(FieldView):
            view.say(reading.problems.get(view.field.path))
        if not reading.problems:
            return reading.arguments
        if wrong:
            wrong[0].take_focus()
        return None

    async def switch(self) -> None:
        """From the fields to JSON, or back where the fields can say it."""
        if not self.in_json:
            self._whole = pretty(draft(self._form, self._gather()))
        elif not self._form.expressible:
            self._say_whole("The schema is none that a form can express: go on in JSON.")
            return
        else:
            try:
                self._entered = fill(self._form, parse_object(self.query_one("#whole", TextArea).text))
            except Wrong as wrong:
                self._say_whole(str(wrong))
                return
            self._whole = None
        await self.recompose()
        self.focus_first()

    def focus_first(self) -> None:
        """Into the first editor, where there is one."""
        editors = self.query("Input, TextArea, Select, Choices")
        if editors:
            editors.first(Widget).focus()

    def _start(self, arguments: Mapping[str, object] | None) -> None:
        self._entered = defaults(self._form)
        if not self._form.expressible:
            self._whole = pretty(arguments or {})
        elif arguments is not None:
            try:
                self._entered = fill(self._form, arguments)
            except Wrong:
                self._whole = pretty(arguments)

    def _gather(self) -> dict[Path, Entry]:
        return {view.field.path: view.entry for view in self.query(FieldView)}

    def _read_whole(self) -> dict[str, object] | None:
        try:
            arguments = parse_object(self.query_one("#whole", TextArea).text)
        except Wrong as wrong:
            self._say_whole(str(wrong))
            return None
        self._say_whole(None)
        return arguments

    def _say_whole(self, problem: str | None) -> None:
        said = self.query_one("#whole-problem", Static)
        said.update(Content.assemble("✗ ", line(problem)) if problem else "")
        said.display = problem is not None

    def _compose_fields(self, fields: tuple[Field, ...], depth: int) -> Iterator[Widget]:
        for field in fields:
            if field.kind is Kind.GROUP:
                heading = Static(_title(field), classes="group")
                heading.styles.padding = (0, 1, 0, 1 + 2 * depth)
                yield heading
                yield from self._compose_fields(field.fields, depth + 1)
                continue
            view = FieldView(field, self._entered.get(field.path))
            view.styles.padding = (0, 1, 0, 1 + 2 * depth)
            yield view


def _title(field: Field) -> Content:
    kind = f"{field.items.value}s, one a line" if field.kind is Kind.LIST else field.kind.value
    words = [kind, rules_in_words(field), "" if field.required else "optional"]
    name = line(field.label, "bold", limit=60)
    return Content.assemble(name, "  ", line(" · ".join(filter(None, words)), "dim"))


def _make_editor(field: Field, entry: Entry) -> Editor:
    text = entry if isinstance(entry, str) else ""
    match field.kind:
        case Kind.CHOICE:
            options = [(cell(choice.label), index) for index, choice in enumerate(field.choices)]
            chosen = entry if isinstance(entry, int) else Select.NULL
            return Select(options, value=chosen, prompt="choose", compact=True)
        case Kind.CHOICES:
            return Choices([choice.label for choice in field.choices], entry if isinstance(entry, tuple) else ())
        case Kind.NUMBER | Kind.INTEGER:
            return Input(text, compact=True)
        case Kind.TEXT if field.rules.get("format") == "password" or field.rules.get("writeOnly") is True:
            return Input(text, password=True, compact=True)
        case _:
            return Lines(text, compact=True, highlight_cursor_line=False)
