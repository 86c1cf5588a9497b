"""Many histories: each has a name, `SEED/NUMBER`, from which it is drawn; all processors take their share."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from simulation.choices import Drawn, Given
from simulation.history import Build, History, build_source, run_history
from simulation.shrinking import shrink
from simulation.story import Story

__all__ = ["Failed", "Share", "run_all", "run_share", "tell"]

SHARE = 500
MOST_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Failed:
    """A history in which an invariant does not hold."""

    name: str
    invariant: str
    says: str
    taken: list[int]


@dataclass(slots=True)
class Share:
    """What came of some histories."""

    histories: int = 0
    counted: Counter[str] = field(default_factory=Counter[str])
    failed: list[Failed] = field(default_factory=list[Failed])

    def add(self, other: "Share") -> None:
        self.histories += other.histories
        self.counted += other.counted
        self.failed += other.failed


def run_share(
    seed: str,
    numbers: Sequence[int],
    build: Build = build_source,
    faults: frozenset[str] | None = None,
    stop_at: int = MOST_FAILURES,
) -> Share:
    """Until so many have failed."""
    share = Share()
    for number in numbers:
        name = f"{seed}/{number}"
        history = run_history(Drawn(name), build=build, faults=faults)
        share.histories += 1
        share.counted += history.counted
        for violation in history.violations[:1]:
            share.failed.append(Failed(name, violation.invariant, violation.says, history.taken))
        if len(share.failed) >= stop_at:
            break
    return share


def run_all(seed: str, histories: int, jobs: int) -> Iterator[Share]:
    """Share after share, as they are done."""
    shares = [range(start, min(start + SHARE, histories)) for start in range(0, histories, SHARE)]
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        for done in as_completed([pool.submit(run_share, seed, share) for share in shares]):
            yield done.result()


def tell(failed: Failed, build: Build = build_source, faults: frozenset[str] | None = None) -> tuple[list[int], Story]:
    """The shortest choices after which the same invariant does not hold, and their story."""

    def run(choices: list[int], story: Story | None = None) -> History:
        return run_history(Given(choices), build=build, faults=faults, story=story)

    def fails(choices: list[int]) -> bool:
        return [each.invariant for each in run(choices).violations[:1]] == [failed.invariant]

    choices, story = shrink(failed.taken, fails), Story()
    run(choices, story)
    return choices, story
