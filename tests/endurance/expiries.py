"""Many processes of many tasks notice one expiry after another, at a server that ends everything at a second use (TE9, TE17)."""

from dataclasses import dataclass

from endurance.ground import ground
from endurance.programs import SharedClock
from endurance.zygote import Zygote

__all__ = ["Expiries", "expire_again_and_again"]


AN_HOUR, TWO_DAYS = 3700.0, 2 * 86_400.0


@dataclass(frozen=True, slots=True)
class Expiries:
    """What they came to."""

    refreshes: int
    failures: int
    reused: int


def expire_again_and_again(zygote: Zygote, *, processes: int, tasks: int, expiries: int, asleep: bool = False) -> Expiries:
    """Nobody waits for a token to end: the clock that all share is moved, by an hour or, `asleep`, by two days of sleep."""
    with ground(zygote) as place:
        path = place.folder / "clock"
        clock = SharedClock(path)
        programs = [
            place.start("call_after_sleep" if asleep else "call_at_once", place.url, path, tasks) for _ in range(processes)
        ]
        for program in programs:
            assert program.read_line() == "ready"
        failures = 0
        for _ in range(expiries):
            clock.move(TWO_DAYS if asleep else AN_HOUR)
            for program in programs:
                program.say("go")
            failures += sum(int(program.read_line()) for program in programs)
        place.examined()
        counts = place.authority.counts["refreshes"]
        complaints = zygote.hear_complaints()
        assert not complaints, complaints
        return Expiries(place.authority.refreshes, failures, counts["reused"])
