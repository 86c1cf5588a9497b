"""The list of servers, and the details of the one under the cursor beside it; below 90 columns one of the two."""

from collections.abc import Iterable
from itertools import takewhile
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import DataTable, Footer, Input, Static, TabbedContent, TabPane

from handstamp.tui.actions import TABS, bindings, why_not
from handstamp.tui.desk import Desk
from handstamp.tui.discovery_pane import DiscoveryPane
from handstamp.tui.facts import Fact, log, overview, scopes
from handstamp.tui.rows import ORDERS, Row, arrange, glyph, tone, words
from handstamp.tui.said import cell, line
from handstamp.tui.surroundings import Surroundings
from handstamp.tui.tools_pane import ToolsPane

__all__ = ["ServersScreen"]

NARROW = 90
EMPTY = """No servers yet.

  a   add one: a name, and its URL or command

or in a shell:

  handstamp add linear https://mcp.linear.app/mcp"""
NONE_FIT = "No server fits. esc shows all."


class Facts(Static):
    """Names and values below each other."""

    def show(self, facts: Iterable[Fact]) -> None:
        lines: list[Content] = []
        for fact in facts:
            name = Content.styled(f"{fact.name:<11} ", "$foreground-muted")
            for number, part in enumerate(fact.value.split("\n") or [Content("")]):
                lines.append(Content.assemble(name if number == 0 else " " * 12, part))
        self.update(Content("\n").join(lines))


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

    def __init__(self, desk: Desk, surroundings: Surroundings, *, version: str) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]
        self._around = surroundings
        self.desk = desk
        self._version = version
        self._shown: dict[str, tuple[Text, ...]] = {}
        self._is_composed = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="title"):
            yield Static(Content.styled(f" handstamp {self._version}", "bold"), id="name")
            yield Static(id="place")
        yield Static(id="banner")
        with Horizontal(id="panes"):
            with Vertical(id="list") as listed:
                listed.border_title = "Servers"
                table = DataTable[Text](id="servers", cursor_type="row", zebra_stripes=False, cell_padding=1)
                yield table
                yield Static(id="empty")
            with Vertical(id="detail"), TabbedContent(id="tabs"):
                for name in TABS:
                    with TabPane(name.title(), id=name):
                        yield from self._pane(name)
        yield Input(id="look-for", placeholder="words to look for; !word for those without it", compact=True)
        yield Footer(show_command_palette=False)

    def _pane(self, name: str) -> ComposeResult:
        match name:
            case "tools":
                yield ToolsPane(self._around)
            case "discovery":
                yield DiscoveryPane()
            case _:
                with VerticalScroll():
                    yield Static(id="log-lines") if name == "log" else Facts(id=f"{name}-facts")

    def on_mount(self) -> None:
        table = self.table
        table.add_column("", key="glyph", width=1)
        table.add_column("Server", key="server")
        table.add_column("Status", key="status")
        table.add_column("Account", key="account")
        table.add_column("Renews", key="renews")
        table.focus()
        self._is_composed = True
        self.show()

    @property
    def table(self) -> "DataTable[Text]":
        return self.query_one("#servers", DataTable)

    @property
    def row(self) -> Row | None:
        """The one under the cursor."""
        table = self.table
        if not table.row_count:
            return None
        return self.desk.row(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)

    @property
    def tab(self) -> str:
        return self.query_one("#tabs", TabbedContent).active

    def choose(self, server: str) -> None:
        """Puts the cursor on the first row of a server."""
        key = next((row.key for row in self.desk.rows if row.target.name == server), None)
        if key is not None and key in self._shown:
            self.table.move_cursor(row=self.table.get_row_index(key))

    def show(self) -> None:
        """Draws what has changed since the last time."""
        if not self._is_composed:
            return
        rows = arrange(self.desk.rows, wanted=self.query_one("#look-for", Input).value, order=self.order)
        self._show_rows(rows)
        self._show_surroundings(rows)
        self.show_detail()
        self.refresh_bindings()

    def _show_rows(self, rows: Iterable[Row]) -> None:
        now, colors = self.desk.clock(), self.app.theme_variables
        wanted = {row.key: _cells(row, now, colors) for row in rows}
        table = self.table
        if list(wanted) != list(self._shown):
            kept = self.row
            table.clear()
            for key, cells in wanted.items():
                table.add_row(*cells, key=key)
            if kept is not None and kept.key in wanted:
                table.move_cursor(row=table.get_row_index(kept.key))
        else:
            for key, cells in wanted.items():
                for column, before, after in zip(table.columns, self._shown[key], cells, strict=True):
                    if (before.plain, before.style) != (after.plain, after.style):
                        table.update_cell(key, column, after, update_width=True)
        self._shown = wanted

    def _show_surroundings(self, rows: Iterable[Row]) -> None:
        shown, all_rows = len(list(rows)), len(self.desk.rows)
        listed, empty = self.query_one("#list"), self.query_one("#empty", Static)
        parts = [f"{shown} of {all_rows}"] if shown != all_rows else []
        parts += [f"by {self.order}"] if self.order != "settings" else []
        listed.border_subtitle = " · ".join(parts)
        empty.update(EMPTY if not all_rows else NONE_FIT)
        empty.display = not shown
        self.table.display = bool(shown)
        place = self.desk.place
        if place is not None:
            key = "no vault yet" if place.key is None else f"key in {place.key}"
            self.query_one("#place", Static).update(line(key))
        banner, problem = self.query_one("#banner", Static), self.desk.problem
        banner.display = problem is not None
        if problem is not None:
            hint = "" if problem.hint is None else f"  → {problem.hint}"
            banner.update(line(f"! {problem.message}{hint}", limit=1000))

    def show_detail(self) -> None:
        """Draws the tab that is in front."""
        row, detail = self.row, self.query_one("#detail")
        detail.border_title = "" if row is None else line(row.key)
        self.query_one("#tabs").display = row is not None
        if row is None:
            return
        host = self.desk.host(row.key)
        match self.tab:
            case "tools":
                self.query_one(ToolsPane).show(host)
            case "scopes":
                self.query_one("#scopes-facts", Facts).show(scopes(row))
            case "discovery":
                self.query_one(DiscoveryPane).show(row.key, lambda tell: self.desk.examine(row, tell))
            case "log":
                self.query_one("#log-lines", Static).update(log(host))
            case _:
                connected = None if host is None else host.connected
                self.query_one("#overview-facts", Facts).show(overview(row, connected, self.desk.clock()))

    @on(DataTable.RowHighlighted)
    def _other_row(self) -> None:
        self.show_detail()
        self.refresh_bindings()

    @on(DataTable.RowSelected)
    def _row_opened(self) -> None:
        self.action_open()

    @on(TabbedContent.TabActivated)
    def _other_tab(self) -> None:
        self.show_detail()

    @on(Input.Changed, "#look-for")
    def _filter_typed(self) -> None:
        self.show()

    @on(Input.Submitted, "#look-for")
    def _filter_done(self) -> None:
        self.table.focus()

    def watch_order(self) -> None:
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # None dims the key in the footer; `on_key` says why.
        return None if self._is_composed and why_not(action, self.row) is not None else True

    def on_key(self, event: object) -> None:
        key = getattr(event, "key", "")
        active = self.active_bindings.get(key)
        if active is not None and not active.enabled and (reason := why_not(active.binding.action, self.row)) is not None:
            self.notify(line(reason).plain, severity="warning", markup=False)

    def _want(self, action: str) -> None:
        self.post_message(self.Wanted(action, self.row))

    def action_login(self) -> None:
        self._want("login")

    def action_login_all(self) -> None:
        self._want("login_all")

    def action_refresh(self) -> None:
        self._want("refresh")

    def action_logout(self) -> None:
        self._want("logout")

    def action_doctor(self) -> None:
        self.action_tab("discovery")
        self.query_one(DiscoveryPane).focus()

    def action_add(self) -> None:
        self._want("add")

    def action_edit(self) -> None:
        self._want("edit")

    def action_switch(self) -> None:
        self._want("switch")

    def action_remove(self) -> None:
        self._want("remove")

    def action_reconnect(self) -> None:
        self._want("reconnect")

    def action_copy_url(self) -> None:
        self._want("copy_url")

    def action_help(self) -> None:
        self._want("help")

    def action_quit(self) -> None:
        self.app.exit()

    def action_filter(self) -> None:
        field = self.query_one("#look-for", Input)
        field.add_class("-open")
        field.focus()

    def action_sort(self) -> None:
        names = list(ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]

    def action_tab(self, name: str) -> None:
        self.query_one("#tabs", TabbedContent).active = name
        self.add_class("-detail")

    def action_open(self) -> None:
        self.add_class("-detail")
        tabs = self.query_one("#tabs", TabbedContent)
        pane = tabs.active_pane
        inside = [] if pane is None else [each for each in pane.query(Widget) if each.can_focus and _is_shown(each, pane)]
        (inside[0] if inside else tabs).focus()

    def action_back(self) -> None:
        field = self.query_one("#look-for", Input)
        if self.has_class("-detail") or not self.table.has_focus:
            self.remove_class("-detail")
            if not field.value:
                field.remove_class("-open")
            self.table.focus()
        elif field.value:
            field.value = ""
            field.remove_class("-open")


def _is_shown(widget: Widget, pane: Widget) -> bool:
    """A field that is not shown could have the focus too, and would take every key unseen."""
    return all(
        isinstance(node, Widget) and node.display for node in takewhile(lambda node: node is not pane, widget.ancestors_with_self)
    )


def _cells(row: Row, now: float, colors: dict[str, str]) -> tuple[Text, ...]:
    status = row.state.status
    color = _rich(colors.get(tone(status), ""))
    return (
        Text(glyph(status), style=color),
        cell(row.key, limit=40),
        Text(words(status), style=color),
        cell(row.account_words(), limit=40),
        cell(row.renewal_words(now)),
    )


def _rich(color: str) -> str:
    """A theme's colour as Rich has it: some are names of Textual's alone."""
    return color if color.startswith("#") else ""
