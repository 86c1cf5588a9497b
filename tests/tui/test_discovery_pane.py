"""The tab "Discovery": findings appear as they come, open one by one, and can be copied as a report."""

import asyncio
from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from handstamp.doctor import Diagnosis, Finding, Verdict
from handstamp.tui.discovery_pane import DiscoveryPane, FindingList
from tui.fake_hosts import NOON
from tui.snapshots import assert_drawn
from tui.test_discovery_words import WRONG

RIGHT = Finding("challenge", Verdict.GOOD, "It asks for a sign-in", "https://mcp.linear.example/mcp", 401, actual="Bearer")
FINDINGS = (
    Finding("connection", Verdict.GOOD, "mcp.linear.example answers, over TLS"),
    RIGHT,
    Finding("resource_metadata", Verdict.SKIPPED, "Protected resource metadata: nothing there", status=404),
    Finding("resource_metadata", Verdict.ODD, "Protected resource metadata: found", actual="access to more than this server"),
    WRONG,
    Finding("grant", Verdict.SKIPPED, "Nobody is signed in"),
)


class ScriptedDoctor:
    """An `Examine`. Waits before its last finding where a test holds it."""

    def __init__(self, *findings: Finding, error: Exception | None = None) -> None:
        self.runs = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._findings = findings
        self._error = error

    async def __call__(self, tell: Callable[[Finding], None]) -> Diagnosis:
        self.runs += 1
        for finding in self._findings[:-1]:
            tell(finding)
        await self.goes_on.wait()
        if self._error is not None:
            raise self._error
        tell(self._findings[-1])
        return Diagnosis("linear", "https://mcp.linear.example/mcp", self._findings, NOON)


class PaneApp(App[object]):
    """A pane, and nothing else."""

    def __init__(self, pause: float = 0.001) -> None:
        super().__init__()
        self.pane = DiscoveryPane(pause=pause)
        self.copied = ""

    def compose(self) -> ComposeResult:
        yield self.pane

    def copy_to_clipboard(self, text: str) -> None:
        self.copied = text

    @property
    def ending(self) -> str:
        return str(self.pane.query_one("#ending", Static).content)

    @property
    def shown(self) -> list[str]:
        return [str(option.prompt) for option in self.pane.query_one(FindingList).options]


@pytest.fixture
def anyio_backend() -> str:
    """Textual's own."""
    return "asyncio"


@pytest.mark.anyio
async def test_findings_appear_as_they_come_and_the_one_in_hand_is_open() -> None:
    app, doctor = PaneApp(), ScriptedDoctor(*FINDINGS)
    doctor.goes_on.clear()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pane.show("linear", doctor)
        app.pane.focus()
        await pilot.pause(0.05)

        coming, ending = app.shown, app.ending
        doctor.goes_on.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
        opened_by_itself = [len(each.splitlines()) for each in app.shown]
        await pilot.press("k", "up", "down", "j")

        assert (len(coming), ending) == (5, "◐ Asking… 5 steps so far")
        assert app.ending.startswith("✗ linear: authorization server metadata: not usable.")
        assert opened_by_itself == [len(each.splitlines()) for each in app.shown] == [1, 1, 1, 1, 6, 1]
        await assert_drawn(pilot, "discovery_80x24")


@pytest.mark.anyio
async def test_a_server_is_asked_once_until_somebody_asks_anew() -> None:
    app, linear, notion = PaneApp(), ScriptedDoctor(*FINDINGS), ScriptedDoctor(RIGHT)
    async with app.run_test(size=(80, 24)) as pilot:
        for server, doctor in (("linear", linear), ("notion", notion), ("linear", linear), ("linear", linear)):
            app.pane.show(server, doctor)
            await pilot.pause(0.02)
            await app.workers.wait_for_complete()
        asked_by_itself = (linear.runs, notion.runs)
        app.pane.focus()
        await pilot.press("r")
        await app.workers.wait_for_complete()
        await pilot.press("enter")
        await app.workers.wait_for_complete()

        assert asked_by_itself == (1, 1)
        assert (linear.runs, len(app.shown)) == (3, 6)


@pytest.mark.anyio
async def test_whoever_runs_through_the_list_asks_nobody_and_one_who_leaves_is_told_nothing_more() -> None:
    app, linear, notion = PaneApp(pause=60.0), ScriptedDoctor(*FINDINGS), ScriptedDoctor(RIGHT)
    linear.goes_on.clear()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pane.show("notion", notion)
        app.pane.show("linear", linear)
        app.pane.examine()
        await pilot.pause()
        app.pane.show("notion", notion)
        linear.goes_on.set()
        await pilot.pause()

        assert (notion.runs, linear.runs, app.shown) == (0, 1, [])
        assert app.ending == "Enter finds out why it works, or does not."


@pytest.mark.anyio
async def test_the_report_is_copied_once_there_is_one() -> None:
    app, doctor = PaneApp(), ScriptedDoctor(*FINDINGS)
    doctor.goes_on.clear()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pane.show("linear", doctor)
        app.pane.focus()
        await pilot.pause(0.02)
        await pilot.press("y")
        too_early = app.copied
        doctor.goes_on.set()
        await app.workers.wait_for_complete()
        await pilot.press("y")

        assert too_early == ""
        assert app.copied.startswith("### handstamp doctor: `linear: ")


@pytest.mark.anyio
async def test_what_nobody_foresaw_is_named_by_its_class_alone() -> None:
    app = PaneApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.pane.show("linear", ScriptedDoctor(RIGHT, error=ValueError("a-secret")))
        await pilot.pause(0.02)
        await app.workers.wait_for_complete()
        await pilot.pause()

        assert app.ending == "✗ Handstamp itself failed: ValueError.\n› handstamp doctor linear"
