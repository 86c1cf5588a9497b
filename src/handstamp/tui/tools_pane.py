"""What a server offers, to browse and to try: all four kinds in one list, and beside it all about the one in focus."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from handstamp.hosts.connection import Host
from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.app_of import app_of
from handstamp.tui.call_history import Call
from handstamp.tui.call_screen import CallScreen
from handstamp.tui.history_screen import HistoryScreen
from handstamp.tui.offer_detail import detail_of, option_of, problems_of, why_not
from handstamp.tui.offers import Offer, count_offers, filter_offers, list_offers
from handstamp.tui.surroundings import Surroundings

__all__ = ["ToolsPane"]


class OfferList(OptionList):
    """The list, with the keys of lists in other programs too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Try", tooltip="Call the tool, get the prompt or read the resource"),
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if action == "select" and not self.option_count else True


class ToolsPane(Widget):
    """`show(host)` again, whenever the host has changed: what is in focus stays in focus."""

    DEFAULT_CSS = """
    ToolsPane { height: 1fr; layout: vertical; }
    ToolsPane #counts, ToolsPane #problems, ToolsPane #why { height: auto; padding: 0 1; }
    ToolsPane #counts { color: $text-muted; }
    ToolsPane #problems { color: $text-warning; }
    ToolsPane #filter { border: none; height: 1; padding: 0 1; display: none; }
    ToolsPane #filter.-open { display: block; }
    ToolsPane #halves { height: 1fr; layout: vertical; }
    ToolsPane OptionList { height: 1fr; border: none; padding: 0; background: transparent; }
    ToolsPane OptionList:focus { border: none; }
    ToolsPane OptionList { text-wrap: nowrap; text-overflow: ellipsis; }
    ToolsPane #about { height: 1fr; border-top: solid $foreground 30%; padding: 0 1; }
    ToolsPane #about:focus { border-top: solid $primary; }
    ToolsPane.-wide #halves { layout: horizontal; }
    ToolsPane.-wide OptionList { width: 40%; max-width: 44; height: 100%; }
    ToolsPane.-wide #about { height: 100%; border-top: none; border-left: solid $foreground 30%; }
    ToolsPane.-wide #about:focus { border-left: solid $primary; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", tooltip="Show those that hold these words; !word for those that do not"),
        Binding("J", "schema", "JSON", tooltip="Show the schema as JSON, or in words"),
        Binding("H", "history", "Calls", tooltip="The calls of this run, to do one again"),
        Binding("escape", "unfilter", "All", show=False),
    ]

    WIDE = 76
    """Columns from which the list and what it is about stand side by side."""

    def __init__(self, surroundings: Surroundings | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._around = surroundings or Surroundings()
        self._host: Host | None = None
        self._offers: Sequence[Offer] = ()
        self._shown: Sequence[Offer] = ()
        self._as_json = False

    def compose(self) -> ComposeResult:
        yield Static("", id="counts")
        yield Static("", id="problems")
        yield Static("", id="why")
        yield Input(placeholder="filter", id="filter")
        with Horizontal(id="halves"):
            yield OfferList(id="offers", markup=False)
            with VerticalScroll(id="about", can_focus=True), Vertical():
                yield Static("", id="detail")

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self.set_class(self.size.width >= self.WIDE, "-wide")

    def show(self, host: Host | None) -> None:
        """What this server offers now; None for none."""
        if host is None or self._host is None or host.key != self._host.key:
            self._as_json = False
        self._host = host
        self._offers = list_offers(host.catalogue) if host and _offers_something(host) else ()
        if self.is_mounted:
            self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "schema":
                return True if self._focused is not None else None
            case "filter":
                return True if self._offers else None
            case "history":
                return True if self._host and self._around.history.of(self._host.key) else None
            case "unfilter":
                return bool(self._filter.value or self._filter.has_focus)
            case _:
                return True

    def action_filter(self) -> None:
        """Opens the line to type in."""
        self._filter.add_class("-open")
        self._filter.focus()

    def action_unfilter(self) -> None:
        """Shows all again."""
        self._filter.value = ""
        self._filter.remove_class("-open")
        self._list.focus()

    def action_open(self) -> None:
        """The screen that calls it."""
        if self._host is not None and self._focused is not None and self._can_call:
            app_of(self).push_screen(CallScreen(self._host, self._focused, self._around))

    def action_schema(self) -> None:
        """In words, or as the server has it."""
        self._as_json = not self._as_json
        self._draw_detail()

    def action_history(self) -> None:
        """What was called before."""
        if self._host is not None:
            app_of(self).push_screen(HistoryScreen(self._around.history.of(self._host.key)), self._again)

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._draw_list()

    @on(Input.Submitted, "#filter")
    def _chosen(self) -> None:
        self._list.focus()

    @on(OptionList.OptionHighlighted, "#offers")
    def _highlighted(self) -> None:
        self._draw_detail()

    @on(OptionList.OptionSelected, "#offers")
    def _selected(self) -> None:
        self.action_open()

    @property
    def _list(self) -> OptionList:
        return self.query_one("#offers", OptionList)

    @property
    def _filter(self) -> Input:
        return self.query_one("#filter", Input)

    @property
    def _can_call(self) -> bool:
        return self._host is not None and _offers_something(self._host)

    @property
    def _focused(self) -> Offer | None:
        index = self._list.highlighted
        return self._shown[index] if index is not None and index < len(self._shown) else None

    def _again(self, wanted: tuple[Call, bool] | None) -> None:
        if wanted is None or self._host is None:
            return
        call, at_once = wanted
        screen = CallScreen(self._host, call.offer, self._around, arguments=call.arguments, at_once=at_once)
        app_of(self).push_screen(screen)

    def _draw(self) -> None:
        why, problems = why_not(self._host), problems_of(self._host)
        self.query_one("#why", Static).update(why or "")
        self.query_one("#why").display = why is not None
        self.query_one("#problems", Static).update(problems or "")
        self.query_one("#problems").display = problems is not None
        # The list stays, however empty: who has the focus in it keeps it until something comes.
        self.query_one("#about").display = bool(self._offers)
        self._draw_list()

    def _draw_list(self) -> None:
        before = self._focused
        self._shown = filter_offers(self._offers, self._filter.value)
        self._list.clear_options()
        self._list.add_options(Option(option_of(offer)) for offer in self._shown)
        same = [index for index, offer in enumerate(self._shown) if before and _is_same(offer, before)]
        self._list.highlighted = same[0] if same else 0 if self._shown else None
        counts = self.query_one("#counts", Static)
        counts.update(_counts(self._shown, self._offers))
        counts.display = bool(self._offers)
        self._draw_detail()

    def _draw_detail(self) -> None:
        offer = self._focused
        detail = self.query_one("#detail", Static)
        detail.update(detail_of(offer, self._around.mask, as_json=self._as_json) if offer else "Nothing holds these words.")
        self.refresh_bindings()


def _offers_something(host: Host) -> bool:
    return host.state.status in (ConnectionStatus.CONNECTED, ConnectionStatus.NEEDS_MORE_ACCESS)


def _is_same(one: Offer, other: Offer) -> bool:
    return (one.sort, one.name, one.uri) == (other.sort, other.name, other.uri)


def _counts(shown: Sequence[Offer], offers: Sequence[Offer]) -> Content:
    counted = count_offers(offers)
    return Content(counted if len(shown) == len(offers) else f"{len(shown)} of {counted}")
