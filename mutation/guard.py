"""What a guard is: its name, whom it serves, and how it is taken away."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Edit", "Guard", "TextMoved"]


class TextMoved(Exception):
    """The code that a guard names is not there any more, or stands there twice."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One place in `src/handstamp/`: `old`, which stands there exactly once, becomes `new`."""

    file: str
    old: str
    new: str

    def apply(self, source: Path) -> str:
        """The file's text without the guard. Raises TextMoved."""
        text = (source / self.file).read_text("utf-8")
        if text.count(self.old) != 1:
            raise TextMoved(f"{self.file}: expected once, found {text.count(self.old)} times: {self.old!r}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Guard:
    """
    `name` is unique and says what is guarded. `rows` are rows of the threat model, whose tests are
    `tests/threats/…::test_<row>_…`; `tests` are node ids of others. Without the guard at least one test of each row, and each of
    `tests`, has to fail.

    A guard that stands in two layers is taken out of both at once.
    """

    name: str
    edits: tuple[Edit, ...]
    rows: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
