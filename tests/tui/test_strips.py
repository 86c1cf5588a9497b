"""The judge of what is drawn notices what Textual lets through."""

import asyncio

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from tui.hostile import ATTACKS
from tui.strips import Walk


class Careless(App[None]):
    """Shows what it is told, as a Textual app does by itself."""

    def __init__(self, told: str) -> None:
        super().__init__()
        self.told = told

    def compose(self) -> ComposeResult:
        yield Static(self.told, markup="@click" in self.told)
        framed = Static("inside")
        framed.styles.border = ("round", "white")
        framed.border_title = "frame"
        framed.tooltip = "tip"
        yield framed


def walk_of(app: App[None]) -> Walk:
    walk = Walk()

    async def look() -> None:
        async with app.run_test():
            walk.look(app)

    asyncio.run(look())
    return walk


@pytest.mark.parametrize(
    "told",
    [ATTACKS["TH1"], ATTACKS["TH2"], "[@click=app.quit]q[/]", '[link="file:///x"]l[/]@click', "[red]@click"],
    ids=["acts", "hides", "is clicked", "links", "is red"],
)
def test_what_a_careless_app_draws_is_found_out(told: str) -> None:
    assert walk_of(Careless(told)).faults


def test_a_careful_app_is_let_pass_and_all_of_it_was_seen() -> None:
    walk = walk_of(Careless("plain"))

    assert walk.faults == []
    assert all(word in walk.text for word in ("plain", "inside", "frame", "tip"))
    assert Static in walk.visited
