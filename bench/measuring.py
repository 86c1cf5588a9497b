"""What every benchmark gives, and how pairs are taken: in turns, so that a machine that slows down slows both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Protocol

__all__ = ["Bench", "Ratio", "Row", "Rows", "in_turns", "percentile", "ratio_of"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One number a pair; each pair was measured within moments."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({min(self.values):.2f}–{max(self.values):.2f})"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. A column that does not apply is a dash."""

    what: str
    ours: str
    goal: str
    met: bool | None
    """None where there is no goal."""
    baseline: str = "–"
    peer: str = "–"
    ratio: Ratio | None = None


Rows = list[Row]


class Bench(Protocol):
    """What each module of a benchmark looks like."""

    def run(self, pairs: int) -> Rows: ...


def in_turns(pairs: int, subjects: Mapping[str, Callable[[], float]], *, slices: int = 1) -> dict[str, list[float]]:
    """
    Measures each subject `pairs` times, forwards and backwards in turn, after one round that does not count.

    Where one measurement is short, the figure of a pair is the median of so many slices, which are taken in turns as well: what
    else the machine does then falls on all subjects alike.
    """
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    for measure in subjects.values():
        measure()
    for turn in range(pairs * slices):
        for name in list(subjects)[:: 1 if turn % 2 == 0 else -1]:
            figures[name].append(subjects[name]())
    return {name: _medians(values, slices) for name, values in figures.items()}


def _medians(values: Sequence[float], slices: int) -> list[float]:
    return [median(values[start : start + slices]) for start in range(0, len(values), slices)]


def ratio_of(ours: Sequence[float], others: Sequence[float]) -> Ratio:
    return Ratio(tuple(one / other for one, other in zip(ours, others, strict=True)))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed; 1 gives the greatest."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
