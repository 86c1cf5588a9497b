"""What decides a history: a list of integers. 0 is always the benign choice, and a list that is over goes on with zeros."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

__all__ = ["LARGEST", "Choices", "Drawn", "Given"]

T = TypeVar("T")

LARGEST = 255


class Choices:
    """Gives one integer after the other, and keeps what it gave: the same list tells the same history again."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def set_rates(self, *, turns: float, faults: float) -> None:
        """How often something else than the benign choice is drawn. Means nothing to a list that is given."""

    def turn(self) -> int:
        """Where somebody else could go on, or something happen from outside."""
        raise NotImplementedError

    def fault(self) -> int:
        """Where a port could fail."""
        raise NotImplementedError

    def pick(self, options: Sequence[T]) -> T:
        """One of them, each as likely as the other; the first is the most benign."""
        raise NotImplementedError


class Drawn(Choices):
    """From a seed."""

    def __init__(self, seed: object) -> None:
        super().__init__()
        self._random = Random(str(seed))  # of the text: the same in every process
        self._turns = self._faults = 0.0

    def set_rates(self, *, turns: float, faults: float) -> None:
        self._turns, self._faults = turns, faults

    def turn(self) -> int:
        return self._draw(self._turns)

    def fault(self) -> int:
        return self._draw(self._faults)

    def _draw(self, rate: float) -> int:
        value = 0
        if (chance := self._random.random()) < rate:
            value = 1 + int(chance / rate * LARGEST)
        self.taken.append(value)
        return value

    def pick(self, options: Sequence[T]) -> T:
        value = int(self._random.random() * len(options))
        self.taken.append(value)
        return options[value]


class Given(Choices):
    """From a list."""

    def __init__(self, values: Sequence[int]) -> None:
        super().__init__()
        self._values = iter(values)

    def turn(self) -> int:
        value = next(self._values, 0)
        self.taken.append(value)
        return value

    def fault(self) -> int:
        return self.turn()

    def pick(self, options: Sequence[T]) -> T:
        return options[self.turn() % len(options)]
