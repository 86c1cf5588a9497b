"""The app as a person meets it: its keys, its sizes, its pictures."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, TabbedContent
from textual.worker import WorkerFailed

from application.conftest import home
from handstamp.doctor import Diagnosis, Finding
from handstamp.hosts.connection import LogLine
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import HttpTarget, ProgramTarget
from handstamp.settings import load_settings
from handstamp.tui.app import HandstampApp
from handstamp.tui.confirm import Confirm
from handstamp.tui.edit_dialog import EditDialog
from handstamp.tui.help_screen import HelpScreen
from handstamp.tui.lines_dialog import LinesDialog
from handstamp.tui.rows import Row
from handstamp.tui.sign_in_dialog import SignInDialog
from tui.app_rows import a_sign_in, url_of
from tui.fake_app import open_app
from tui.fake_hosts import NOON, FakeHost
from tui.snapshots import assert_drawn

__all__ = ["home"]

pytestmark = pytest.mark.anyio

NORMAL, WIDE = (80, 24), (120, 40)
NAMES = ("github", "linear", "notion", "sentry")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def it_is_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The app shows times as people have them."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def some_hosts() -> list[FakeHost]:
    """One in each state, and a program."""
    status = ConnectionStatus
    log = (LogLine(NOON - 60, "info", "Serving two folders."), LogLine(NOON, "error", "One of them [red]is gone[/]."))
    return [
        FakeHost("github"),
        FakeHost("linear", status.NEEDS_LOGIN, reason="Nobody has signed in.", next_step="handstamp login linear"),
        FakeHost("notion", status.NEEDS_MORE_ACCESS, reason="It wants more for create_page.", scopes=("write",)),
        FakeHost("sentry", status.UNREACHABLE, reason="mcp.sentry.example did not answer within 30 s."),
        FakeHost("slack", status.STARTING),
        FakeHost(HttpTarget("linear", url_of("linear"), "work")),
        FakeHost(ProgramTarget("files", ("npx", "files", "/home/me")), log=log),
        FakeHost(ProgramTarget("old", ("old",), enabled=False), status.DISABLED),
    ]


async def examine_nothing(row: Row, on_finding: Callable[[Finding], None]) -> Diagnosis:
    """Asks nobody."""
    return Diagnosis(row.key, row.url or "", (), NOON)


@asynccontextmanager
async def running(
    home: Path, hosts: Sequence[FakeHost], size: tuple[int, int] = NORMAL, *, settings: str = "", offers: bool = False
) -> AsyncGenerator[tuple[HandstampApp, Pilot[None]]]:
    """The app, once it has read everything; unless it `offers`, everything was dismissed before."""
    (home / "config").mkdir(mode=0o700)
    names = {host.target.name for host in hosts if isinstance(host.target, HttpTarget)}
    tables = [f'[servers.{name}]\nurl = "{url_of(name)}"\n' for name in sorted(names)]
    (home / "config" / "servers.toml").write_text("".join([settings, *tables]))
    app = open_app(home, hosts)
    store = app.desk.vault._parts.store
    for host in hosts:
        if isinstance(host.target, HttpTarget) and host.state.status in (
            ConnectionStatus.CONNECTED,
            ConnectionStatus.NEEDS_MORE_ACCESS,
        ):
            store.save_grant(a_sign_in(host.target.name, host.target.account))
    app.desk.examine = examine_nothing  # type: ignore[method-assign]
    await app.desk.look()
    if not offers:
        app._offering.opened(app._offering.due(app.desk.rows, NOON + 60))
    async with app.run_test(size=size, notifications=True) as pilot:
        await ended(app, "look")
        app._draw()
        await pilot.pause()
        yield app, pilot
    app.desk.vault.close()


def shown(app: HandstampApp) -> Screen[Any]:
    """What lies on top."""
    return app.screen


async def ended(app: HandstampApp, name: str) -> None:
    for worker in list(app.workers):
        if worker.name == name:
            await worker.wait()


PICTURES = {
    "dark-80": (
        NORMAL,
        {
            "servers-80": "",
            "server-80": "enter",
            "filter-80": "escape slash ! n e e d s",
            "help-80": "escape question_mark",
            "add-80": "escape a",
            "logout-80": "escape escape g x",
        },
    ),
    "dark-120": (WIDE, {"servers-120": "", "waiting-120": "down", "scopes-120": "down 3", "log-120": "escape G k 5"}),
    "light-80": (NORMAL, {"servers-light-80": ""}),
    "light-120": (WIDE, {"servers-light-120": "", "remove-light-120": "delete"}),
}
"""What is drawn one after the other, and the keys that lead there."""


@pytest.mark.parametrize("name", PICTURES)
async def test_the_screens_are_as_somebody_judged_them_good(home: Path, name: str) -> None:
    size, pictures = PICTURES[name]
    theme = name.partition("-")[0]
    async with running(home, some_hosts(), size, settings=f'[app]\ntheme = "handstamp-{theme}"\n') as (app, pilot):
        for picture, keys in pictures.items():
            await pilot.press(*keys.split())
            for field in app.screen.query(Input):
                field.cursor_blink = False
            await assert_drawn(pilot, picture)


async def test_an_empty_list_teaches_the_first_step(home: Path) -> None:
    async with running(home, []) as (app, pilot):
        await assert_drawn(pilot, "empty-80")

        await pilot.press("a")
        for name, value in (("name", "linear"), ("where", url_of("linear"))):
            app.screen.query_one(f"#{name}", Input).value = value
        await pilot.press("enter")
        await ended(app, "work")

        assert load_settings(home / "config").servers["linear"].url == url_of("linear")


async def test_what_cannot_be_done_is_dim_and_its_key_says_why(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        await pilot.press("down")
        assert [app.servers.active_bindings[key].enabled for key in "lxr"] == [True, False, False]

        await pilot.press("x")

        assert [each.message for each in app._notifications] == ["Nobody has signed in to linear."]
        assert shown(app) is app.servers


async def test_keys_lead_through_list_and_tabs_and_back(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        servers = app.servers
        await pilot.press("j", "j", "k")
        assert servers.row is not None
        assert servers.row.key == "linear"

        for number, tab in enumerate(("overview", "tools", "scopes", "discovery", "log"), 1):
            await pilot.press(str(number))
            assert (servers.query_one(TabbedContent).active, servers.has_class("-detail")) == (tab, True)

        await pilot.press("escape")
        assert servers.table.has_focus
        await pilot.press("G")
        assert servers.row.key == "old"


async def test_the_list_is_filtered_and_put_in_order_and_shown_whole_again(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        table = app.servers.table
        await pilot.press("slash", *"zz")
        assert table.row_count == 0

        await pilot.press("escape", "s", "s")
        assert (table.row_count, table.key_under_cursor) == (8, "github")
        assert table.get_row_index("linear") == 0

        await pilot.press("slash", *"lin", "enter", "down")
        assert (table.row_count, table.key_under_cursor) == (2, "linear (work)")


async def test_logout_and_remove_ask_first_and_cancel_is_what_enter_does(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        for key in ("x", "delete"):
            await pilot.press(key)
            assert isinstance(shown(app), Confirm)
            await pilot.press("enter")

            assert shown(app) is app.servers
        assert "github" in load_settings(home / "config").servers

        await pilot.press("delete", "right", "enter")
        await ended(app, "work")
        assert "github" not in load_settings(home / "config").servers


async def test_a_server_is_changed_and_switched_off_by_its_keys(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        await pilot.press("e")
        assert isinstance(shown(app), EditDialog)
        await pilot.press("tab", *"read", "enter", "t")
        await ended(app, "work")

        written = load_settings(home / "config").servers["github"]
        assert (written.scopes, written.enabled) == (("read",), False)


async def test_a_file_that_is_read_only_gives_the_lines_to_paste(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        (home / "config" / "servers.toml").chmod(0o400)

        await pilot.press("t")
        await ended(app, "work")

        assert isinstance(shown(app), LinesDialog)
        await pilot.press("c")
        assert app.clipboard == f'[servers.github]\nurl = "{url_of("github")}"\nenabled = false'


async def test_a_connection_is_made_anew_an_address_copied_and_the_app_left_at_once(home: Path) -> None:
    hosts = some_hosts()
    async with running(home, hosts, WIDE) as (app, pilot):
        await pilot.press("R", "c")
        await pilot.click(app.servers.table, offset=(24, 0))

        assert hosts[0].retries == 1
        assert app.clipboard == url_of("github")
        assert app.servers.order == "status"  # by the click on its column
        titles = {each.title for each in app.get_system_commands(app.servers)}
        assert {"Login: handstamp login SERVER", "Login all: handstamp login --all", "Filter", "Theme"} <= titles

        await pilot.press("q")
        assert app._exit


async def test_the_dialog_comes_by_itself_never_over_another_and_once_dismissed_stays_away(home: Path) -> None:
    """W16."""
    async with running(home, some_hosts(), offers=True) as (app, pilot):
        await pilot.press("question_mark")
        app.desk.clock = lambda: NOON + 60
        app._draw()
        await pilot.pause()
        assert isinstance(shown(app), HelpScreen)

        await pilot.press("escape")
        app._draw()
        await pilot.pause()
        dialog = shown(app)
        assert isinstance(dialog, SignInDialog)

        dialog.dismiss(dialog.signing.outcome)
        for _ in range(2):
            app._draw()
            await pilot.pause()
        assert shown(app) is app.servers


async def test_who_needs_the_person_meanwhile_joins_a_dialog_that_came_by_itself(home: Path) -> None:
    late = FakeHost("zoom")
    async with running(home, [late, *some_hosts()], offers=True) as (app, pilot):
        app.desk.clock = lambda: NOON + 60
        app._draw()
        await pilot.pause()
        dialog = shown(app)
        assert isinstance(dialog, SignInDialog)
        late.state = replace(late.state, status=ConnectionStatus.NEEDS_LOGIN)
        app._draw()
        await pilot.pause()
        assert [each.server for each in dialog.signing.queue] == ["linear", "zoom"]

        dialog.dismiss(dialog.signing.outcome)
        await pilot.pause()
        app._draw()
        await pilot.pause()
        assert shown(app) is app.servers


async def test_who_needs_the_person_meanwhile_waits_until_they_have_done_what_they_wanted(home: Path) -> None:
    late = FakeHost("zoom")
    async with running(home, [FakeHost("github"), late], offers=True) as (app, pilot):
        app.desk.clock = lambda: NOON + 60
        await pilot.press("l")
        dialog = shown(app)
        assert isinstance(dialog, SignInDialog)
        late.state = replace(late.state, status=ConnectionStatus.NEEDS_LOGIN)
        app._draw()
        await pilot.pause()
        assert len(dialog.signing.queue) == 1

        dialog.dismiss(dialog.signing.outcome)
        await pilot.pause()
        app._draw()
        await pilot.pause()
        dialog = shown(app)
        assert isinstance(dialog, SignInDialog)
        assert [each.server for each in dialog.signing.queue] == ["zoom"]


async def test_keys_are_those_of_the_settings_and_stay_where_a_wish_makes_no_sense(home: Path) -> None:
    async with running(home, some_hosts(), settings='[app.keys]\nsort = "f6"\n') as (app, pilot):
        await pilot.press("s", "f6")
        assert app.servers.order == "name"

        path = home / "config" / "servers.toml"
        path.write_text(path.read_text().replace("sort", "srt"))
        await app._look()
        app._draw()
        await pilot.press("f6")

        assert app.servers.order == "status"
        assert any("got 'srt'" in each.message for each in app._notifications)
        await pilot.press("ctrl+c")
        assert app._exit


@pytest.mark.parametrize("turns", [0, 10, 50, 100, 200, 400, 800])
async def test_whoever_leaves_while_the_screen_is_put_together_leaves_no_error(home: Path, turns: int) -> None:
    (home / "config").mkdir(mode=0o700)
    app = open_app(home, some_hosts())

    async def leave() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        app.exit()

    leaving = asyncio.create_task(leave())
    await app.run_async(headless=True, size=WIDE)
    await leaving

    assert app.failure is None


async def test_a_list_that_was_empty_has_the_focus_when_it_fills(home: Path) -> None:
    async with running(home, []) as (app, pilot):
        app.desk._targets = [FakeHost("github").target]
        app._draw()
        await pilot.pause()

        assert app.focused is app.servers.table


async def test_login_opens_the_dialog_for_one_and_for_all(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        for key, wanted in (("l", "github"), ("L", "linear")):
            await pilot.press(key)
            dialog = shown(app)
            assert isinstance(dialog, SignInDialog)
            assert dialog.signing.current.server == wanted
            dialog.dismiss(None)
            await pilot.pause()


async def test_a_signal_ends_the_app_with_the_code_of_a_program_that_a_signal_ended(home: Path) -> None:
    async with running(home, []) as (app, _):
        app._end_by(15)

        assert (app._exit, app.return_code) == (True, 143)


async def test_an_error_that_nobody_foresaw_shows_no_variables(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TH6."""

    async def fail() -> None:
        secret = "a-token-in-a-variable"
        raise KeyError(secret)

    apps: list[HandstampApp] = []

    async def open_and_fail() -> None:
        async with running(home, some_hosts()) as (app, pilot):
            apps.append(app)
            app.work(fail)
            await pilot.pause()

    with pytest.raises(WorkerFailed):
        await open_and_fail()

    said = capsys.readouterr()
    assert isinstance(apps[0].failure, KeyError)
    assert "a-token-in-a-variable" not in said.out + said.err
