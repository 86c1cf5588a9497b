"""All about one server, in tabs; only the one in front is drawn."""

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane

from handstamp.hosts.connection import Host
from handstamp.tui.actions import TABS
from handstamp.tui.desk import Desk
from handstamp.tui.discovery_pane import DiscoveryPane
from handstamp.tui.facts import log, overview, scopes
from handstamp.tui.facts_view import Facts
from handstamp.tui.rows import Row
from handstamp.tui.surroundings import Surroundings
from handstamp.tui.tools_pane import ToolsPane

__all__ = ["ServerTabs"]


class ServerTabs(Widget):
    """`show(row)` again, whenever something about it has changed: who reads keeps their place."""

    DEFAULT_CSS = """
    ServerTabs, ServerTabs TabbedContent { height: 1fr; }
    """

    def __init__(self, desk: Desk, surroundings: Surroundings) -> None:
        super().__init__()
        self._desk = desk
        self._around = surroundings
        self._row: Row | None = None
        self._tools_drawn: object = None
        self._log_drawn = Content("")

    def compose(self) -> ComposeResult:
        with TabbedContent():
            for name in TABS:
                with TabPane(name.title(), id=name):
                    yield from self._pane(name)

    def _pane(self, name: str) -> ComposeResult:
        match name:
            case "tools":
                yield ToolsPane(self._around)
            case "discovery":
                yield DiscoveryPane()
            case _:
                with VerticalScroll():
                    yield Static(id="log-lines") if name == "log" else Facts(id=f"{name}-facts")

    @property
    def inside(self) -> Widget:
        """What the tab in front holds."""
        tabs = self.query_one(TabbedContent)
        return tabs.active_pane or tabs

    def open(self, name: str) -> None:
        """One of `TABS`."""
        self.query_one(TabbedContent).active = name
        self.show(self._row)

    def show(self, row: Row | None) -> None:
        """Draws the tab in front."""
        self._row = row
        self.display = row is not None
        if row is None:
            return
        host = self._desk.host(row.key)
        match self.query_one(TabbedContent).active:
            case "tools":
                self._show_tools(host)
            case "scopes":
                self.query_one("#scopes-facts", Facts).show(scopes(row))
            case "discovery":
                self._discovery_of(row)
            case "log":
                self._show_log(host)
            case _:
                connected = None if host is None else host.connected
                self.query_one("#overview-facts", Facts).show(overview(row, connected, self._desk.clock()))

    def examine(self, row: Row) -> None:
        """Finds out why it works, or does not."""
        self.open("discovery")
        pane = self._discovery_of(row)
        pane.examine()
        pane.focus()

    def _discovery_of(self, row: Row) -> DiscoveryPane:
        pane = self.query_one(DiscoveryPane)
        pane.show(row.key, partial(self._desk.examine, row))
        return pane

    def _show_log(self, host: Host | None) -> None:
        """Who looks at its end goes on to; who reads further up stays there."""
        lines, content = self.query_one("#log-lines", Static), log(host)
        scroll = self.query_one("#log VerticalScroll", VerticalScroll)
        if not content.is_same(self._log_drawn):
            is_at_end = scroll.is_vertical_scroll_end
            self._log_drawn = content
            lines.update(content)
            if is_at_end:
                scroll.scroll_end(animate=False)

    def _show_tools(self, host: Host | None) -> None:
        drawn = None if host is None else (host.key, host.state, host.catalogue, host.connected)
        if drawn != self._tools_drawn or drawn is None:
            self._tools_drawn = drawn
            self.query_one(ToolsPane).show(host)

    @on(TabbedContent.TabActivated)
    def _other_tab(self) -> None:
        self.show(self._row)
