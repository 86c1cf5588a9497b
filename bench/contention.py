"""
(h) A refresh that eight processes want at once: ours, beside the two designs that it was chosen over (`designs.py`).

Three questions. What a task waits when 8 × 50 of them meet an expiry, at an authority that answers after 50 ms and ends the family
at a second use. What the lock itself costs, where nothing else takes time. Whether processes that want different grants leave each
other alone.
"""

from collections.abc import Callable
from functools import partial
from statistics import median

from contender import TASKS
from designs import HELD, OURS, POLLED
from measuring import Row, Rows, percentile, ratio_of
from rotating_authority import LATENCY
from storms import EXPIRIES, PROCESSES, Round, Rounds, Storms, joined, storms

CYCLES = 200
CYCLES_APART = 50
SECONDS_APART = 0.005
PAIRS_A_STORM = 5
"""Storms of cycles take seconds each: one every so many pairs."""
LATE = 0.015
"""Seconds beyond the authority's own after which a task has waited for something else."""
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "longest": 1.0}

Figure = Callable[[Round], float]


def run(pairs: int) -> Rows:
    with storms() as storm:
        turns = max(1, pairs // PAIRS_A_STORM)
        return [
            *about_expiries(storm.in_turns(pairs, storm.expire)),
            *about_one_grant(storm, turns),
            *about_many_grants(storm, turns),
        ]


def about_expiries(rounds: Rounds) -> Rows:
    expiries = len(rounds[OURS]) * EXPIRIES
    what = f"(h) {PROCESSES} processes × {TASKS} tasks, {expiries} expiries, {LATENCY * 1000:.0f} ms:"
    total = {name: joined(of_design) for name, of_design in rounds.items()}
    late = {name: sum(wait > LATENCY + LATE for wait in one.task_waits) for name, one in total.items()}
    return [
        three(
            f"{what} refreshes and failures",
            {name: f"{one.calls} and {one.failed}" for name, one in total.items()},
            f"{expiries} and 0",
            met=(total[OURS].calls, total[OURS].failed) == (expiries, 0),
        ),
        three(
            f"{what} waits of tasks beyond {(LATENCY + LATE) * 1000:.0f} ms",
            {name: str(number) for name, number in late.items()},
            "fewer than both",
            met=late[OURS] < min(late[HELD], late[POLLED]),
        ),
        *(
            row
            for word, share in PERCENTILES.items()
            for row in both(f"{what} a task's wait, {word}", rounds, partial(task_wait, share), milliseconds)
        ),
    ]


def about_one_grant(storm: Storms, turns: int) -> Rows:
    rounds = storm.in_turns(turns, partial(storm.cycle, cycles=CYCLES))
    what = f"(h) {PROCESSES} processes × {CYCLES} cycles of one grant:"
    return [
        lost(what, rounds),
        *both(f"{what} time in all", rounds, lambda one: one.seconds, seconds),
        *both(f"{what} wait for the lock, p99", rounds, partial(lock_wait, 0.99), milliseconds),
        *both(f"{what} wait for the lock, longest", rounds, partial(lock_wait, 1.0), milliseconds),
    ]


def about_many_grants(storm: Storms, turns: int) -> Rows:
    rounds = storm.in_turns(turns, partial(storm.cycle_apart, cycles=CYCLES_APART, seconds=SECONDS_APART))
    what = f"(h) {PROCESSES} processes × {CYCLES_APART} cycles of {SECONDS_APART * 1000:.0f} ms, a grant each:"
    waits = {name: sum(len(one.lock_waits) for one in of_design) for name, of_design in rounds.items()}
    return [
        lost(what, rounds),
        three(
            f"{what} waits for a lock",
            {name: str(number) for name, number in waits.items()},
            "0",
            met=waits[OURS] == 0,
        ),
        *both(f"{what} time in all", rounds, lambda one: one.seconds, seconds),
    ]


def lost(what: str, rounds: Rounds) -> Row:
    """Writes that another's overtook."""
    failed = {name: joined(of_design).failed for name, of_design in rounds.items()}
    return three(f"{what} lost writes", {name: str(number) for name, number in failed.items()}, "0", met=failed[OURS] == 0)


def three(what: str, shown: dict[str, str], goal: str, *, met: bool) -> Row:
    return Row(what, shown[OURS], goal, met, baseline=f"{HELD} {shown[HELD]}", peer=f"{POLLED} {shown[POLLED]}")


def both(what: str, rounds: Rounds, figure: Figure, show: Callable[[float], str]) -> Rows:
    """One line against each."""
    figures = {name: [figure(one) for one in of_design] for name, of_design in rounds.items()}
    shown = {name: show(median(values)) for name, values in figures.items()}
    against_held, against_polled = ratio_of(figures[OURS], figures[HELD]), ratio_of(figures[OURS], figures[POLLED])
    return [
        Row(what, shown[OURS], "< 1.00 × baseline", against_held.median < 1, f"{HELD} {shown[HELD]}", ratio=against_held),
        Row(what, shown[OURS], "< 1.00 × peer", against_polled.median < 1, peer=f"{POLLED} {shown[POLLED]}", ratio=against_polled),
    ]


def task_wait(share: float, one: Round) -> float:
    return percentile(one.task_waits, share)


def lock_wait(share: float, one: Round) -> float:
    """Of all who took the lock; most found it free where it is unfair."""
    return percentile(one.lock_waits, share) if one.lock_waits else 0.0


def milliseconds(value: float) -> str:
    return f"{value * 1000:.0f} ms"


def seconds(value: float) -> str:
    return f"{value:.2f} s"
