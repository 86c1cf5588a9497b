"""The list of servers, and the details of the one under the cursor beside it; below 90 columns one of the two."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.actions import parse
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import DataTable, Footer, Input, Static

from handstamp.tui.actions import ACTIONS, bindings, why_not
from handstamp.tui.app_of import app_of
from handstamp.tui.desk import Desk
from handstamp.tui.rows import ORDERS, Row, arrange
from handstamp.tui.said import line
from handstamp.tui.servers_table import SORTED_BY, ServersTable
from handstamp.tui.surroundings import Surroundings

if TYPE_CHECKING:
    from handstamp.tui.server_tabs import ServerTabs

__all__ = ["ServersScreen"]

NARROW = 90
NARROWEST = 40
FRAME = 2
EMPTY = """No servers yet.

  a   add one: a name, and its URL or command

or in a shell:

  handstamp add linear https://mcp.linear.app/mcp"""
NONE_FIT = "No server fits. esc shows all."


class FilterField(Input):
    """The words to look for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Keep", tooltip="Keep the filter and go to the list"),
        Binding("escape", "screen.do('back')", "All", tooltip="Show all servers again"),
    ]


class ServersScreen(Screen[None]):
    """Everything at a glance. What its keys do stands in `handstamp.tui.actions`; what changes anything is told to the app."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings())
    order = reactive("settings", init=False)

    class Wanted(Message):
        """The person wants something done that this screen does not do by itself."""

        def __init__(self, action: str, row: Row | None) -> None:
            super().__init__()
            self.action = action
            self.row = row

    def __init__(self, desk: Desk, surroundings: Surroundings) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]
        self._around = surroundings
        self.desk = desk
        self._can: tuple[bool, ...] = ()
        self._tabs: ServerTabs | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="title"):
            yield Static(Content.styled(" handstamp", "bold"), id="name")
            yield Static(id="place")
        yield Static(id="banner")
        with Horizontal(id="panes"):
            with Vertical(id="list") as listed:
                listed.border_title = "Servers"
                yield ServersTable(id="servers")
                yield Static(id="empty")
            yield Vertical(id="server")

    def on_mount(self) -> None:
        self.table.focus()
        app_of(self).theme_changed_signal.subscribe(self, self._recolor)
        self.call_after_refresh(self._complete)

    async def _complete(self) -> None:
        """What takes long to load: the first frame stands before."""
        from handstamp.tui.server_tabs import ServerTabs

        tabs = ServerTabs(self.desk, self._around)
        await self.query_one("#server").mount(tabs)
        field = FilterField(id="look-for", placeholder="words to look for; !word for those without it", compact=True)
        await self.mount(field, Footer(show_command_palette=False))
        self._tabs = tabs
        self.show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def _recolor(self, _theme: Theme) -> None:
        self.show()

    @property
    def table(self) -> ServersTable:
        return self.query_one(ServersTable)

    @property
    def row(self) -> Row | None:
        """The one under the cursor."""
        return self.desk.row(self.table.key_under_cursor)

    def choose(self, server: str) -> None:
        """Puts the cursor on the first row of a server."""
        key = next((row.key for row in self.desk.rows if row.target.name == server), None)
        if key is not None:
            self.table.choose(key)

    def show(self) -> None:
        """Draws what has changed since the last time."""
        # Where the app is ending, what is in the screen goes before it.
        if self._tabs is None or not self.query(FilterField):
            return
        rows = arrange(self.desk.rows, wanted=self.query_one(FilterField).value, order=self.order)
        self._show_table(rows)
        self._show_surroundings(rows)
        self._show_detail()
        self._dim_keys()

    def _show_table(self, rows: Sequence[Row]) -> None:
        is_narrow = self.size.width < NARROW
        room = self.size.width - FRAME if is_narrow else self.size.width * 60 // 100 - FRAME
        taken = self.table.show(rows, self.desk.clock(), app_of(self).theme_variables, room)
        self.query_one("#list").styles.width = "1fr" if is_narrow else max(NARROWEST, taken + FRAME)

    def _show_surroundings(self, rows: Sequence[Row]) -> None:
        shown, all_rows = len(rows), len(self.desk.rows)
        listed, empty = self.query_one("#list"), self.query_one("#empty", Static)
        parts = [f"{shown} of {all_rows}"] if shown != all_rows else []
        parts += [f"by {self.order}"] if self.order != "settings" else []
        listed.border_subtitle = " · ".join(parts)
        empty.update(EMPTY if not all_rows else NONE_FIT)
        empty.display = not shown
        self.table.display = bool(shown)
        if shown and self.focused is None:
            self.set_focus(self.table)  # a list that was empty could not keep it
        place = self.desk.place
        if place is not None:
            key = "no vault yet" if place.key is None else f"key in {place.key}"
            self.query_one("#place", Static).update(line(key))
        banner, problem = self.query_one("#banner", Static), self.desk.problem
        banner.display = problem is not None
        if problem is not None:
            hint = "" if problem.hint is None else f"  → {problem.hint}"
            banner.update(line(f"! {problem.message}{hint}", limit=1000))

    def _show_detail(self) -> None:
        if self._tabs is not None:
            self.query_one("#server").border_title = "" if self.row is None else line(self.row.key)
            self._tabs.show(self.row)

    @on(DataTable.HeaderSelected, "#servers")
    def _sorted_by(self, event: DataTable.HeaderSelected) -> None:
        self.order = SORTED_BY.get(str(event.column_key.value), "settings")

    @on(DataTable.RowHighlighted)
    def _other_row(self) -> None:
        self._show_detail()
        self._dim_keys()

    @on(DataTable.RowSelected)
    def _row_opened(self) -> None:
        self._enter()

    @on(Input.Changed, "#look-for")
    def _filter_typed(self) -> None:
        self.show()

    @on(Input.Submitted, "#look-for")
    def _filter_done(self) -> None:
        self.query_one(FilterField).set_class(bool(self.query_one(FilterField).value), "-open")
        self.table.focus()

    def watch_order(self) -> None:
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if parameters == ("filter",) and self._tabs is not None and self.query_one(FilterField).has_focus:
            return False  # the key types
        # None dims the key in the footer; `on_key` says why.
        return None if self._why_not(action, parameters) is not None else True

    def on_key(self, event: Key) -> None:
        active = self.active_bindings.get(event.key)
        if active is not None and not active.enabled:
            _, action, parameters = parse(active.binding.action)
            if (reason := self._why_not(action, parameters)) is not None:
                self.notify(line(reason).plain, severity="warning", markup=False)

    def _dim_keys(self) -> None:
        """The footer is made anew for this: only where something else can be done than before."""
        row = self.row
        reasons = tuple(why_not(each.id, row) is None for each in ACTIONS)
        if reasons != self._can:
            self._can = reasons
            self.refresh_bindings()

    def _why_not(self, action: str, parameters: tuple[object, ...]) -> str | None:
        return why_not(str(parameters[0]), self.row) if action == "do" and self._tabs is not None else None

    def action_do(self, action: str) -> None:
        """One of `handstamp.tui.actions`: done here where it changes what is looked at, else told to the app."""
        match action.split("."):
            case ["tab", name]:
                self._open_tab(name)
            case ["doctor"]:
                self.examine()
            case ["filter"]:
                self._open_filter()
            case ["sort"]:
                names = list(ORDERS)
                self.order = names[(names.index(self.order) + 1) % len(names)]
            case ["open"]:
                self._enter()
            case ["back"]:
                self._leave()
            case _:
                self.post_message(self.Wanted(action, self.row))

    def examine(self) -> None:
        """Finds out why the server under the cursor works, or does not."""
        if self._tabs is not None and self.row is not None:
            self._open_tab("discovery")
            self._tabs.examine(self.row)

    def _open_filter(self) -> None:
        self._leave_detail()
        field = self.query_one(FilterField)
        field.add_class("-open")
        field.focus()

    def _open_tab(self, name: str) -> None:
        if self._tabs is not None:
            self._tabs.open(name)
        self.add_class("-detail")
        if self.has_class("-narrow"):
            self._enter()

    def _enter(self) -> None:
        self.add_class("-detail")
        # All of it at once: what is typed next is meant for what the person sees.
        app_of(self).stylesheet.update(self)
        if self._tabs is not None:
            pane = self._tabs.inside
            self.set_focus(next((each for each in self.focus_chain if pane in each.ancestors_with_self), self._tabs))

    def _leave(self) -> None:
        if self.has_class("-detail") or self.query_one("#server").has_focus_within:
            self._leave_detail()
        else:
            field = self.query_one(FilterField)
            field.value = ""
            field.remove_class("-open")
            self.show()
        self.table.focus()

    def _leave_detail(self) -> None:
        self.remove_class("-detail")
