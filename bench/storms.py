"""Eight processes that want a grant at once, under each design in turns."""

import json
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from contender import Order, Outcome
from designs import DESIGNS, open_design
from homes import expired_token, grant_for, temporary_home
from rotating_authority import RotatingAuthority, rotating_authority
from started import Program, programs

__all__ = ["EXPIRIES", "PROCESSES", "Round", "Rounds", "Storms", "joined", "storms"]

PROCESSES = 8
EXPIRIES = 3
"""A round."""
SHARED = "shared"
OWN = [f"own-{number}" for number in range(PROCESSES)]
SOON = 0.05
"""Seconds in which all eight have read what they are to do."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one design came to in all eight processes."""

    task_waits: list[float]
    """Of tasks, or of cycles beyond their work."""
    lock_waits: list[float]
    """Of those who found the lock taken."""
    at_once: int
    """Those who did not."""
    failed: int
    calls: int
    """At the authority."""
    seconds: float


Rounds = dict[str, list[Round]]


class Storms:
    def __init__(self, authority: RotatingAuthority, eight: Sequence[Program]) -> None:
        self._authority = authority
        self._eight = eight
        self._hours = 0

    def in_turns(self, turns: int, measure: Callable[[str], Round]) -> Rounds:
        """Forwards and backwards. None is left out: each process has used each design once, alone."""
        rounds: Rounds = {design: [] for design in DESIGNS}
        for turn in range(turns):
            for design in list(DESIGNS)[:: 1 if turn % 2 == 0 else -1]:
                rounds[design].append(measure(design))
        return rounds

    def expire(self, design: str) -> Round:
        """All tasks of all eight meet the end of one token, a few times."""
        return joined([self._expire_once(design) for _ in range(EXPIRIES)])

    def _expire_once(self, design: str) -> Round:
        self._hours += 1
        return self._storm([Order("expire", design, SHARED, time.monotonic() + SOON, hours=self._hours)] * PROCESSES)

    def cycle(self, design: str, cycles: int) -> Round:
        """All for one grant, and nothing between reading and writing."""
        return self._storm([Order("cycle", design, SHARED, time.monotonic() + SOON, cycles)] * PROCESSES)

    def cycle_apart(self, design: str, cycles: int, seconds: float) -> Round:
        """Each for a grant of its own, with so many seconds between reading and writing."""
        begin_at = time.monotonic() + SOON
        return self._storm([Order("cycle", design, account, begin_at, cycles, seconds) for account in OWN])

    def _storm(self, orders: Sequence[Order]) -> Round:
        before = self._authority.calls
        for program, order in zip(self._eight, orders, strict=True):
            program.say(json.dumps(asdict(order)))
        outcomes = [Outcome(**json.loads(program.hear())) for program in self._eight]
        return Round(
            [wait for outcome in outcomes for wait in outcome.task_waits],
            [wait for outcome in outcomes for wait in outcome.lock_waits],
            sum(outcome.at_once for outcome in outcomes),
            sum(outcome.failed for outcome in outcomes),
            self._authority.calls - before,
            max(outcome.ended_at for outcome in outcomes) - orders[0].begin_at,
        )


def joined(rounds: Sequence[Round]) -> Round:
    return Round(
        [wait for one in rounds for wait in one.task_waits],
        [wait for one in rounds for wait in one.lock_waits],
        sum(one.at_once for one in rounds),
        sum(one.failed for one in rounds),
        sum(one.calls for one in rounds),
        sum(one.seconds for one in rounds),
    )


@contextmanager
def storms() -> Generator[Storms]:
    """A grant that they share under each design, and one each of their own."""
    with temporary_home() as home, rotating_authority() as authority:
        for number, name in enumerate(DESIGNS):
            grant = grant_for(authority.server, expired_token(f"{SHARED}-{number}"), issuer=authority.issuer, account=SHARED)
            store = open_design(name, home)
            store.prepare()
            store.save_grant(grant)
            store.close()
        arguments = [[str(home.path), home.key, authority.server, authority.issuer, account] for account in OWN]
        with programs(str(Path(__file__).with_name("contender.py")), arguments, os.environ) as eight:
            yield Storms(authority, eight)
