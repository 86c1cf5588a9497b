"""What a target is: one parser, and what has to hold whatever bytes it gets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HANG_SECONDS", "SEEDS", "Target"]

HANG_SECONDS = 5
"""An input that takes longer is a finding."""

SEEDS = Path(__file__).parent / "seeds"


@dataclass(frozen=True, slots=True)
class Target:
    """
    `run` returns for every input, or raises AssertionError where a property does not hold; whatever else comes out of it is a
    finding too. It keeps nothing from one call to the next.
    """

    name: str
    run: Callable[[bytes], None]
    max_length: int = 4096
    words: tuple[str, ...] = ()
    """What a fuzzer would take long to come upon by itself."""

    @property
    def seeds(self) -> list[Path]:
        """Small inputs to begin with, written by hand: a valid one, and the turns that the grammar can take."""
        return sorted((SEEDS / self.name).iterdir())
