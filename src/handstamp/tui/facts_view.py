"""Names and values below each other, each value wrapped in a column of its own."""

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widgets import Static

from handstamp.tui.facts import Fact
from handstamp.tui.hanging import hang

__all__ = ["Facts", "lay_out"]

NAMES = 12


def lay_out(facts: Iterable[Fact], width: int) -> Content:
    """As lines of `width` columns."""
    return Content("\n").join(
        each for fact in facts for each in hang(Content.styled(fact.name.ljust(NAMES), "$foreground-muted"), fact.value, width)
    )


class Facts(Static):
    """`show` them; drawn anew only where something is different."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._facts: Sequence[Fact] = ()
        self._drawn = Content("")

    def show(self, facts: Iterable[Fact]) -> None:
        self._facts = tuple(facts)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        content = lay_out(self._facts, width) if width else Content("")
        if not content.is_same(self._drawn):
            self._drawn = content
            self.update(content)
