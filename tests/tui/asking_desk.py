"""An app of which a server asks something, and a person who takes their time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from handstamp.tui.app_answerer import AppAnswerer
from handstamp.tui.asking import AskingDialog
from tui.dialogs import OpensNothing

__all__ = ["PAGE", "Desk", "asked", "settle", "visit", "wake"]

T = TypeVar("T")

PAGE = "https://pay.example/checkout?order=7"


class Desk(App[object]):
    """Nothing but an answerer, whose clock stands still until a test moves it."""

    def __init__(self, *, opens: bool = True, server_url: str | None = None) -> None:
        super().__init__()
        self.now = 0.0
        self.browser = OpensNothing(works=opens)
        self.answerer = AppAnswerer(self, self.browser, url_of=lambda server: server_url, timer=lambda: self.now)
        self.asked: list[asyncio.Task[Any]] = []

    def compose(self) -> ComposeResult:
        yield Static("at work")

    def ask(self, question: Callable[[AppAnswerer], Awaitable[T]]) -> "asyncio.Task[T]":
        async def wait() -> T:
            return await question(self.answerer)

        task = asyncio.get_running_loop().create_task(wait())
        self.asked.append(task)
        return task


@asynccontextmanager
async def asked(
    desk: Desk, question: Callable[[AppAnswerer], Awaitable[T]]
) -> AsyncGenerator["tuple[Pilot[object], asyncio.Task[T]]"]:
    """The dialog of a question, its grace over."""
    async with desk.run_test(size=(80, 24)) as pilot:
        task = desk.ask(question)
        await settle(pilot)
        await wake(desk, pilot)
        yield pilot, task
        for each in desk.asked:
            each.cancel()


async def settle(pilot: Pilot[object]) -> None:
    for _ in range(3):
        await pilot.pause()


async def wake(desk: Desk, pilot: Pilot[object]) -> None:
    """Time for one who reads."""
    desk.now += 10
    assert isinstance(desk.screen, AskingDialog)
    desk.screen._listens()
    await pilot.pause()


def visit(url: str) -> Callable[[AppAnswerer], Awaitable[Any]]:
    return lambda answerer: answerer.visit("linear", "Pay here.", url)
