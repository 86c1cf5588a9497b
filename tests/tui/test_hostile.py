"""
TH1, TH2, TH3: nothing that a server, a settings file or a vault says does more than to draw, in any widget of the app.

A tour leads through a part of the app while everything in it is hostile. That none is left out is not for a reader to check: what
the tours have not drawn, of all widgets that `handstamp.tui` has, fails the test.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from tempfile import TemporaryDirectory

from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import TextArea

import handstamp.tui
from fakes import HandMovedClock
from handstamp.errors import SettingsError
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import HttpTarget
from handstamp.model import LoginPrompt
from handstamp.tui.app_answerer import AppAnswerer
from handstamp.tui.asking import AskingDialog
from handstamp.tui.confirm import Confirm
from handstamp.tui.edit_dialog import EditDialog
from handstamp.tui.lines_dialog import LinesDialog
from handstamp.tui.said import line
from handstamp.tui.sign_in import SignIn
from handstamp.tui.sign_in_states import Confirming, Done, Failed, Prompting, Saving, Waiting
from tui.dialogs import DialogApp, Opened, OpensNothing, ScriptedLogin, opened
from tui.fake_app import open_app
from tui.fake_hosts import FakeHost
from tui.hostile import TOKENS, Hostile
from tui.strips import Walk
from tui.test_discovery_pane import PaneApp as DoctorApp
from tui.test_discovery_pane import ScriptedDoctor
from tui.tool_servers import PaneApp

Tour = Callable[[Walk, Hostile], Coroutine[None, None, None]]
WIDE = (130, 50)
"""Nothing is cut by the screen, only by what the app itself cuts."""


async def sign_in_dialog(walk: Walk, hostile: Hostile) -> None:
    """From a question to the end, and once to a failure."""
    say = hostile.say
    prompt = LoginPrompt(say("server"), say("authorization-host"), (say("scope"), say("scope-2")), (say("prompt-note"),))
    wanted = [SignIn(say("wanted"), say("account"), (say("more"),)), SignIn(say("later"))]
    login = ScriptedLogin(
        question=say("question"),
        prompt=prompt,
        notes=(say("note"),),
        ends=hostile.grant("https://mcp.example/mcp"),
        held="found answered stored",
    )
    async with opened(wanted, login, size=WIDE) as dialog:
        walk.look(dialog.app)
        login.found.set()
        await dialog.until(Confirming)
        walk.look(dialog.app)
        await dialog.press("y")
        await dialog.until(Prompting)
        walk.look(dialog.app)
        await dialog.press("enter")
        await dialog.until(Waiting)
        await _look_at_link(walk, dialog, prompt, say("link"))
        login.answered.set()
        await dialog.until(Saving)
        walk.look(dialog.app)
        login.stored.set()
        await dialog.until(Done)
        walk.look(dialog.app)
        login.ends = hostile.error()
        await dialog.press("enter", "y", "enter")
        await dialog.until(Failed)
        walk.look(dialog.app)


async def _look_at_link(walk: Walk, dialog: Opened, prompt: LoginPrompt, path: str) -> None:
    for obstacle in (None, f"{path} is in the way"):
        state = Waiting(prompt, f"https://linear.app/{path}", True, obstacle, dialog.timer.now + 300)
        dialog.dialog.signing = replace(dialog.dialog.signing, state=state)
        dialog.dialog._draw()
        walk.look(dialog.app)
        await dialog.press("u")
        walk.look(dialog.app)
        await dialog.press("u", "v")
        walk.look(dialog.app)
        await dialog.press("escape")


async def offers(walk: Walk, hostile: Hostile) -> None:
    """What a server offers, each with its form; the tool as JSON, its calls, and what came: an answer, a failure, errors."""
    host = FakeHost("evil", catalogue=hostile.catalogue())
    app = PaneApp(host)
    async with app.run_test(size=WIDE) as pilot:
        app.query_one("#offers").focus()
        for _ in range(3):
            walk.look(app)
            await pilot.press("down")
        await pilot.press("enter", "f5")
        walk.look(app)
        await pilot.press("escape", "home", "enter", "f5")
        walk.look(app)
        await pilot.press("escape", "J")
        walk.look(app)
        await pilot.press("enter", "ctrl+r")
        walk.look(app)
        app.screen.query_one("#whole", TextArea).text = "{}"
        host.results = [hostile.result(), hostile.result(is_error=True), hostile.error(), hostile.step_up()]
        while host.results:
            await _call(walk, pilot)
        await pilot.press("escape", "H")
        walk.look(app)


async def _call(walk: Walk, pilot: Pilot[object]) -> None:
    """The tool is marked as destructive: a question comes first."""
    await pilot.press("f5")
    walk.look(pilot.app)
    await pilot.press("right", "enter")
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    walk.look(pilot.app)


async def questions(walk: Walk, hostile: Hostile) -> None:
    """What a server asks in the middle of its work: values, a visit to a page that may be opened or not, the words of a model."""
    app, timer, say = DialogApp(), HandMovedClock(), hostile.say
    answerer = AppAnswerer(app, OpensNothing(works=False), timer=timer)
    asked = (
        answerer.fill_in(say("form-server"), say("form-message"), hostile.schema()),
        answerer.visit(say("page-server"), say("page-message"), f"https://evil.example/{say('page')}"),
        answerer.visit(say("page-server"), say("page-message"), f"ftp://evil.example/{say('no-page')}"),
        answerer.sample(say("reply-server"), hostile.sampling()),
    )
    async with app.run_test(size=WIDE) as pilot:
        for question in asked:
            answer = asyncio.create_task(question)
            await pilot.pause()
            assert isinstance(app.screen, AskingDialog)
            timer.move(1)
            app.screen._listens()
            await pilot.press("f5", "o")
            walk.look(app)
            await pilot.press("escape")
            await answer


async def discovery(walk: Walk, hostile: Hostile) -> None:
    """What the doctor finds, each finding opened."""
    diagnosis = hostile.diagnosis(hostile.say("server"), "https://mcp.example/mcp")
    app = DoctorApp()
    async with app.run_test(size=WIDE) as pilot:
        app.pane.show("linear", ScriptedDoctor(*diagnosis.findings))
        await pilot.pause(0.05)
        await app.workers.wait_for_complete()
        app.pane.focus()
        for _ in diagnosis.findings:
            await pilot.press("down")
            walk.look(app)


async def servers(walk: Walk, hostile: Hostile) -> None:
    """The list with every state, each tab beside it, the dialogs over it, help and palette."""
    with TemporaryDirectory() as home:
        app = open_app(Path(home), [_host(hostile, status) for status in ConnectionStatus])
        async with app.run_test(size=WIDE) as pilot:
            app.desk.problem = hostile.error()
            await pilot.pause(0.1)
            while app.screen is not app.servers:
                await pilot.press("escape")
            for key in ("down", "1", "2", "3", "5"):
                await pilot.press(key)
                walk.look(app)
            app.servers.action_do("open")
            app.tell(hostile.say("told"))
            app.tell_error(hostile.error())
            await pilot.pause(0.2)
            walk.look(app)
            await pilot.press("slash")
            walk.look(app)
            await pilot.press("escape")
            lines = LinesDialog(SettingsError(hostile.say("unwritten")), hostile.say("lines"))
            for dialog in (lines, EditDialog(), Confirm("Sure?", line(hostile.say("sure")), yes="Yes")):
                await app.push_screen(dialog)
                walk.look(app)
                await pilot.press("escape")
            for key in ("question_mark", "ctrl+p"):
                await pilot.press(key)
                walk.look(app)
                await pilot.press("escape")


def _host(hostile: Hostile, status: ConnectionStatus) -> FakeHost:
    say = hostile.say
    target = HttpTarget(say(f"{status.value}-name"), f"https://{status.value}.example/mcp")
    host = FakeHost(
        target,
        status,
        catalogue=hostile.catalogue(),
        reason=say("reason"),
        next_step=say("next-step"),
        scopes=(say("needed"),),
        log=hostile.log(),
    )
    host.connected = hostile.connected()
    return host


TOURS: dict[Tour, str] = {
    sign_in_dialog: "server authorization-host scope prompt-note wanted more later question note link identity error hint",
    offers: "tool tool-title tool-text problem prompt resource template string choice text embedded error step-up",
    discovery: "finding finding-url expected actual next-step",
    servers: "needs_login-name reason next-step needed log log-error server-name instructions unwritten lines sure",
    questions: "form-server form-message string-title page-server page-message page no-page reply-server sampling system-prompt",
}
"""And the places whose words are seen on each, so that nobody looks at empty screens."""


def widgets_of_the_app() -> set[type[Widget]]:
    for module in walk_packages(handstamp.tui.__path__, "handstamp.tui."):
        import_module(module.name)
    return {each for each in _below(Widget) if each.__module__.startswith("handstamp.tui")}


def _below(kind: type[Widget]) -> set[type[Widget]]:
    return {kind}.union(*(_below(each) for each in kind.__subclasses__()))


def test_nothing_that_somebody_says_does_more_than_to_draw() -> None:
    walk, missing = Walk(), list[str]()

    for tour, said in TOURS.items():
        before = len(walk.text)
        asyncio.run(tour(walk, Hostile()))
        missing += [place for place in said.split() if f"{place}·" not in walk.text[before:]]

    assert walk.faults == []
    assert missing == []
    assert {each.__name__ for each in widgets_of_the_app() - walk.visited} == set()
    assert [token for token in TOKENS if token in walk.text] == []
