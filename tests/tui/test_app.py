"""The app as a person meets it: its keys, its sizes, its pictures."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TabbedContent
from textual.worker import WorkerFailed

from application.conftest import home
from handstamp.hosts.connection import LogLine
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import HttpTarget, ProgramTarget
from handstamp.settings import load_settings
from handstamp.tui.app import HandstampApp
from handstamp.tui.confirm import Confirm
from handstamp.tui.edit_dialog import EditDialog
from handstamp.tui.help_screen import HelpScreen
from handstamp.tui.lines_dialog import LinesDialog
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
    await app.desk.look()
    if not offers:
        app._offering.opened(app._offering.due(app.desk.rows, NOON + 60))
    async with app.run_test(size=size, notifications=True) as pilot:
        await ended(app, "look")
        app._draw()
        await pilot.pause()
        yield app, pilot
    app.desk.vault.close()


async def ended(app: HandstampApp, name: str) -> None:
    for worker in list(app.workers):
        if worker.name == name:
            await worker.wait()


PICTURES = {
    "servers-80": (NORMAL, ""),
    "servers-120": (WIDE, ""),
    "servers-light-80": (NORMAL, "light"),
    "servers-light-120": (WIDE, "light"),
    "server-80": (NORMAL, "enter"),
    "waiting-120": (WIDE, "down"),
    "scopes-120": (WIDE, "down down 3"),
    "log-120": (WIDE, "G k 5"),
    "filter-80": (NORMAL, "slash ! n e e d s"),
    "help-80": (NORMAL, "question_mark"),
    "logout-80": (NORMAL, "x"),
    "add-80": (NORMAL, "a"),
}


@pytest.mark.parametrize("name", PICTURES)
async def test_the_screens_are_as_somebody_judged_them_good(home: Path, name: str) -> None:
    size, keys = PICTURES[name]
    async with running(home, some_hosts(), size) as (app, pilot):
        if keys == "light":
            app.theme = "handstamp-light"
            app._draw()
        else:
            await pilot.press(*keys.split())
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause()

        assert_drawn(app, name)


async def test_an_empty_list_teaches_the_first_step(home: Path) -> None:
    async with running(home, []) as (app, pilot):
        assert_drawn(app, "empty-80")

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
        assert app.screen is app.servers


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
            assert isinstance(app.screen, Confirm)
            await pilot.press("enter")

            assert app.screen is app.servers
        assert "github" in load_settings(home / "config").servers

        await pilot.press("delete", "right", "enter")
        await ended(app, "work")
        assert "github" not in load_settings(home / "config").servers


async def test_a_server_is_changed_and_switched_off_by_its_keys(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        await pilot.press("e")
        assert isinstance(app.screen, EditDialog)
        await pilot.press("tab", *"read", "enter", "t")
        await ended(app, "work")

        written = load_settings(home / "config").servers["github"]
        assert (written.scopes, written.enabled) == (("read",), False)


async def test_a_file_that_is_read_only_gives_the_lines_to_paste(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        (home / "config" / "servers.toml").chmod(0o400)

        await pilot.press("t")
        await ended(app, "work")

        assert isinstance(app.screen, LinesDialog)
        await pilot.press("c")
        assert app.clipboard == f'[servers.github]\nurl = "{url_of("github")}"\nenabled = false'


async def test_a_connection_is_made_anew_and_an_address_copied_by_a_key(home: Path) -> None:
    hosts = some_hosts()
    async with running(home, hosts) as (app, pilot):
        await pilot.press("R", "c")

        assert hosts[0].retries == 1
        assert app.clipboard == url_of("github")


async def test_the_dialog_comes_by_itself_and_once_dismissed_stays_away(home: Path) -> None:
    """W16."""
    async with running(home, some_hosts(), offers=True) as (app, pilot):
        app.desk.clock = lambda: NOON + 60
        app._draw()
        await pilot.pause()
        assert isinstance(app.screen, SignInDialog)

        app.screen.dismiss(app.screen.signing.outcome)
        for _ in range(2):
            app._draw()
            await pilot.pause()

        assert app.screen is app.servers


async def test_the_dialog_does_not_come_while_something_else_is_open(home: Path) -> None:
    async with running(home, some_hosts(), offers=True) as (app, pilot):
        app.desk.clock = lambda: NOON + 60
        await pilot.press("question_mark")

        app._draw()
        await pilot.pause()

        assert isinstance(app.screen, HelpScreen)


async def test_login_opens_the_dialog_for_one_and_for_all(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        for key, wanted in (("l", "github"), ("L", "linear")):
            await pilot.press(key)
            assert isinstance(app.screen, SignInDialog)
            assert app.screen.signing.current.server == wanted
            app.screen.dismiss(None)
            await pilot.pause()


async def test_everything_that_the_keys_do_the_palette_does(home: Path) -> None:
    async with running(home, some_hosts()) as (app, _):
        titles = {each.title for each in app.get_system_commands(app.servers)}

        assert {"Login: handstamp login github", "Login all: handstamp login --all", "Filter", "Theme"} <= titles


async def test_keys_and_theme_are_those_of_the_settings(home: Path) -> None:
    settings = '[app]\ntheme = "handstamp-light"\n[app.keys]\nsort = "f6"\nquit = "f10"\n'
    async with running(home, some_hosts(), settings=settings) as (app, pilot):
        await pilot.press("s", "f6")

        assert (app.theme, app.servers.order) == ("handstamp-light", "name")


async def test_a_wish_that_makes_no_sense_is_told_and_the_keys_stay(home: Path) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        path = home / "config" / "servers.toml"
        path.write_text('[app.keys]\nlogn = "s"\n' + path.read_text())

        await app._look()
        app._draw()
        await pilot.press("s")

        assert app.servers.order == "name"
        assert any("got 'logn'" in each.message for each in app._notifications)


async def test_a_click_on_a_column_sorts_by_it(home: Path) -> None:
    async with running(home, some_hosts(), WIDE) as (app, pilot):
        await pilot.click(app.servers.table, offset=(24, 0))

        assert app.servers.order == "status"


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_the_app_is_left_at_once(home: Path, key: str) -> None:
    async with running(home, some_hosts()) as (app, pilot):
        await pilot.press(key)

        assert app._exit


async def test_an_error_that_nobody_foresaw_shows_no_variables(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TH6."""

    async def fail() -> None:
        secret = "a-token-in-a-variable"
        raise KeyError(secret)

    apps: list[HandstampApp] = []

    async def open_and_fail() -> None:
        async with running(home, some_hosts()) as (app, pilot):
            apps.append(app)
            app._work(fail())
            await pilot.pause()

    with pytest.raises(WorkerFailed):
        await open_and_fail()

    said = capsys.readouterr()
    assert isinstance(apps[0].failure, KeyError)
    assert "a-token-in-a-variable" not in said.out + said.err
