"""
TH1, TH2, TH3: nothing that a server, a settings file or a vault says does more than to draw, in any widget of the app.

A tour leads through a part of the app while everything in it is hostile. That none is left out is not for a reader to check: what
the tours have not drawn, of all widgets that `handstamp.tui` has, fails the test.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module
from pkgutil import walk_packages

import pytest
from textual.widget import Widget

import handstamp.tui
from handstamp.model import LoginPrompt
from handstamp.tui.sign_in_dialog import SignIn
from handstamp.tui.sign_in_states import Away, Confirming, Done, Failed, Prompting, Saving, Waiting
from tui.dialogs import Opened, ScriptedLogin, opened
from tui.hostile import ATTACKS, TOKENS, Hostile
from tui.strips import Walk

Tour = Callable[[Walk, Hostile], Awaitable[None]]
WIDE = (160, 60)
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
    away = Away(prompt, f"https://linear.app/{path}", True, None, dialog.timer.now + 300)
    for obstacle in (None, f"{path} is in the way"):
        dialog.dialog._happened(away._replace(obstacle=obstacle))
        dialog.dialog.signing = replace(dialog.dialog.signing, state=replace(dialog.state, url=away.url, obstacle=obstacle))
        dialog.dialog._draw()
        walk.look(dialog.app)
        await dialog.press("u")
        walk.look(dialog.app)
        await dialog.press("u", "v")
        walk.look(dialog.app)
        await dialog.press("escape")


TOURS: list[Tour] = [sign_in_dialog]
SAID = {
    sign_in_dialog: "server authorization-host scope scope-2 prompt-note wanted more later question note link identity error hint"
}
"""The places whose words have to be seen in each, so that nobody looks at empty screens."""


def widgets_of_the_app() -> set[type]:
    for module in walk_packages(handstamp.tui.__path__, "handstamp.tui."):
        import_module(module.name)
    return {each for each in _below(Widget) if each.__module__.startswith("handstamp.tui")}


def _below(kind: type) -> set[type]:
    return {kind}.union(*(_below(each) for each in kind.__subclasses__()))


@pytest.mark.parametrize("row", ATTACKS)
def test_nothing_that_somebody_says_does_more_than_to_draw(row: str) -> None:
    walk, hostile = Walk(), Hostile(row)

    missing: list[str] = []
    for tour in TOURS:
        before = len(walk.text)
        asyncio.run(_go(tour, walk, hostile))
        shown = walk.text[before:]
        missing += [place for place in SAID[tour].split() if f"{place}·" not in shown]

    assert walk.faults == []
    assert missing == []
    assert {each.__name__ for each in widgets_of_the_app() - walk.visited} == set()
    assert [token for token in TOKENS if token in walk.text] == []


async def _go(tour: Tour, walk: Walk, hostile: Hostile) -> None:
    await tour(walk, hostile)
