"""A server's tools, browsed and called by keys."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp_types import CallToolResult, ImageContent, TextContent
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from handstamp.errors import LoginRequired, ServerSaidNo, StepUpRequired
from handstamp.hosts.catalogue import Catalogue
from handstamp.hosts.connection import OnProgress
from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.answer_view import AnswerView, LoginWanted, StepUpWanted
from handstamp.tui.call_screen import CallScreen
from handstamp.tui.confirm import Confirm
from handstamp.tui.form_view import FieldView, FormView
from handstamp.tui.surroundings import Surroundings
from handstamp.tui.tools_pane import ToolsPane
from tui.fake_hosts import NOON, FakeHost
from tui.snapshots import assert_drawn
from tui.tool_servers import CATALOGUE, CREATE, DELETE, SEARCH, PaneApp, Saver

pytestmark = pytest.mark.anyio

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()


class SlowHost(FakeHost):
    """Begins a call, says how far it is, and never ends it."""

    def __init__(self) -> None:
        super().__init__("linear", catalogue=Catalogue(tools=(SEARCH,)))
        self.cancelled = 0

    async def call_tool(self, name: str, arguments: dict[str, Any], *, on_progress: OnProgress | None = None) -> CallToolResult:
        assert on_progress is not None
        self.calls.append((name, arguments))
        await on_progress(3, 10, "reading \x1b[2J[red]pages[/]")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def at(app: PaneApp, *keys: str, size: tuple[int, int] = (80, 24)) -> AsyncGenerator[Pilot[object]]:
    """The app, after these keys."""
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        yield pilot


def said(app: PaneApp) -> str:
    """All that stands in the answer."""
    return "\n".join(str(each.render()) for each in app.screen.query_one(AnswerView).query(Static) if each.display)


def linear(*tools: Any) -> FakeHost:
    return FakeHost("linear", catalogue=Catalogue(tools=tools) if tools else CATALOGUE)


def around(tmp_path: Path, saver: Saver) -> Surroundings:
    return Surroundings(saved=lambda: tmp_path / "saved", open_file=saver.open, now=lambda: NOON)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["small", "large"])
async def test_the_pane_is_drawn(size: tuple[int, int]) -> None:
    app = PaneApp(linear())
    async with at(app, size=size) as pilot:
        await assert_drawn(pilot, f"tools-{size[0]}")


async def test_a_server_that_is_not_connected_is_drawn_with_what_to_do() -> None:
    host = FakeHost("linear", ConnectionStatus.NEEDS_LOGIN, reason="It needs you to sign in.", next_step="handstamp login linear")
    app = PaneApp(host)
    async with at(app) as pilot:
        await assert_drawn(pilot, "tools-needs-login")


async def test_a_filter_leaves_what_holds_it_and_esc_brings_all_back() -> None:
    app = PaneApp(linear())
    async with at(app, "slash", *"delete") as pilot:
        assert app.query_one("#offers", OptionList).option_count == 1

        await pilot.press("escape")
        assert app.query_one("#offers", OptionList).option_count == 6


async def test_what_is_in_focus_stays_in_focus_when_the_list_changes() -> None:
    app = PaneApp(linear(CREATE, DELETE))
    async with at(app, "j"):
        app.query_one(ToolsPane).show(linear(DELETE))
        app.query_one(ToolsPane).show(linear(CREATE, DELETE))

        assert app.query_one("#offers", OptionList).highlighted == 1


async def test_who_waits_in_an_empty_list_is_in_it_when_something_comes() -> None:
    host = FakeHost("linear")
    app = PaneApp(host)
    async with at(app) as pilot:
        app.query_one("#offers").focus()
        await pilot.press("enter")
        host.catalogue = CATALOGUE
        app.query_one(ToolsPane).show(host)
        await pilot.press("enter")

        assert isinstance(app.screen, CallScreen)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["small", "large"])
async def test_a_tool_is_called_with_what_is_entered(size: tuple[int, int]) -> None:
    host = linear()
    host.results = [CallToolResult(content=[TextContent(text='{"id": "LIN-7", "url": "https://linear.app/LIN-7"}')])]
    app = PaneApp(host, Surroundings(now=lambda: NOON))
    async with at(app, "enter", *"Hi", "f5", size=size) as pilot:
        assert host.calls == [("create_issue", {"title": "Hi", "priority": 2})]
        assert "https://linear.app/LIN-7" in said(app)
        await assert_drawn(pilot, f"call-{size[0]}")


async def test_what_is_wrong_stands_under_its_field_and_nothing_is_called() -> None:
    host = linear(DELETE)
    app = PaneApp(host)
    async with at(app, "enter", "f5"):
        assert host.calls == []
        assert "Expected a value, got none." in str(app.screen.query(FieldView).first().query_one(".problem", Static).render())


async def test_the_form_becomes_json_and_json_the_form() -> None:
    host = linear(SEARCH)
    app = PaneApp(host)
    async with at(app, "enter", *"Hi", "ctrl+r") as pilot:
        assert app.screen.query_one(FormView).in_json

        await pilot.press("ctrl+r", "f5")
        await pilot.pause()
        assert host.calls == [("search", {"query": "Hi"})]


async def test_a_destructive_tool_is_called_after_a_yes_alone() -> None:
    host = linear(DELETE)
    app = PaneApp(host)
    async with at(app, "enter", "7", "f5") as pilot:
        assert isinstance(app.screen, Confirm)
        assert app.focused is not None
        assert app.focused.id == "cancel"
        await assert_drawn(pilot, "call-destructive")

        await pilot.press("enter")
        await pilot.pause()
        assert host.calls == []

        await pilot.press("f5", "right", "enter")
        await pilot.pause()
        assert host.calls == [("delete_issue", {"id": "7"})]


async def test_keys_that_come_all_at_once_are_heard_in_their_order() -> None:
    host = linear(SEARCH)
    async with at(app := PaneApp(host), "enter") as pilot:
        for key in ("H", "i", "f5"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await pilot.pause()

        assert host.calls == [("search", {"query": "Hi"})]


async def test_a_call_that_runs_shows_how_far_it_is_and_is_cancelled() -> None:
    host = SlowHost()
    app = PaneApp(host, Surroundings(now=lambda: NOON))
    async with at(app, "enter", *"Hi", "f5") as pilot:
        assert "30%  reading \\x1b[2J[red]pages[/]" in said(app)

        await pilot.press("escape")
        await pilot.pause()
        assert host.cancelled == 1
        assert "Cancelled" in said(app)
        assert app.surroundings.history.calls[0].outcome == "cancelled"
        assert isinstance(app.screen, CallScreen)

        await pilot.press("f5", "escape")
        await pilot.pause()
        assert host.cancelled == 2


async def test_a_step_up_names_its_scopes_and_a_key_asks_the_app_for_it() -> None:
    host = linear(SEARCH)
    host.results = [StepUpRequired("linear wants more access than you gave.", scopes=("read", "write"))]
    app = PaneApp(host)
    async with at(app, "enter", *"Hi", "f5") as pilot:
        await assert_drawn(pilot, "call-step-up")

        await pilot.press("l")
        await pilot.pause()
        [wanted] = app.wanted
        assert isinstance(wanted, StepUpWanted)
        assert (wanted.host, wanted.scopes) == ("linear", ("read", "write"))


async def test_a_picture_is_saved_and_opened_on_demand_and_a_page_is_not(tmp_path: Path) -> None:
    host, saver = linear(SEARCH), Saver()
    page = base64.b64encode(b"<html>").decode()
    host.results = [
        CallToolResult(content=[ImageContent(data=page, mime_type="text/html"), ImageContent(data=PNG, mime_type="image/png")])
    ]
    async with at(PaneApp(host, around(tmp_path, saver)), "enter", *"Hi", "f5") as pilot:
        assert not (tmp_path / "saved").exists()

        await pilot.press("o")
        await pilot.pause()
        assert [path.suffix for path in saver.opened] == [".png"]
        assert sorted(path.suffix for path in (tmp_path / "saved").iterdir()) == [".bin", ".png"]


async def test_a_call_is_done_again_from_the_history() -> None:
    host = linear(SEARCH)
    app = PaneApp(host, Surroundings(now=lambda: NOON))
    async with at(app, "enter", *"Hi", "f5", "escape", "H", "r"):
        assert host.calls == [("search", {"query": "Hi"})] * 2


async def test_what_went_wrong_is_told_in_the_words_of_whose_it_is() -> None:
    host = linear(SEARCH)
    host.results = [
        CallToolResult(content=[TextContent(text="No such team")], is_error=True),
        ServerSaidNo("linear answers: no [red]such[/] tool.", hint="handstamp tools linear"),
        LoginRequired("linear needs you to sign in."),
    ]
    app = PaneApp(host)
    async with at(app, "enter", "f5") as pilot:
        assert "The tool says that it failed" in said(app)
        assert "No such team" in said(app)

        await pilot.press("f5")
        await pilot.pause()
        assert "✗ linear answers: no [red]such[/] tool.\nTry  handstamp tools linear" in said(app)

        await pilot.press("f5", "l")
        await pilot.pause()
        assert [type(wanted) for wanted in app.wanted] == [LoginWanted]


async def test_a_template_is_filled_in_a_resource_is_read_and_a_prompt_got() -> None:
    host = linear()
    keys = ["end", "enter", *"a/b", "f5", "escape", "k", "enter", "f5", "escape", "k", "enter", *"core", "f5"]
    async with at(PaneApp(host), *keys):
        assert host.calls == [("linear://issue/a%2Fb", {}), ("file:///readme.md", {}), ("triage", {"team": "core"})]
