"""
(h) A refresh that eight processes want at once: ours, beside the two designs that it was chosen over (`designs.py`).

Three questions. What a task waits when 8 × 50 of them meet an expiry, at an authority that answers after 50 ms and ends the
family at a second use. What the lock itself costs, where nothing else takes time. Whether processes that want different grants
leave each other alone.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from statistics import median

from contender import TASKS
from designs import HELD, OURS, POLLED
from measuring import Row, Rows, percentile, ratio_of
from rotating_authority import LATENCY
from storms import EXPIRIES, PROCESSES, Round, Rounds, joined, storms

CYCLES = 200
CYCLES_APART = 50
SECONDS_APART = 0.005
PAIRS_A_STORM = 5
"""Storms of cycles take seconds each: one every so many pairs."""
NO_WAIT = 1e-6
"""Seconds. A lock that is free at once was waited for so long: nothing can be divided by nothing."""
LONG = 1.5
"""Times what the middle one of all tasks waits, whatever the design: how busy the machine is decides what is long."""

Figure = Callable[[Round], float]


def run(pairs: int) -> Rows:
    turns = max(1, pairs // PAIRS_A_STORM)
    with storms() as storm:
        expiries = storm.in_turns(pairs, storm.expire)
        one_grant = storm.in_turns(turns, partial(storm.cycle, cycles=CYCLES))
        many_grants = storm.in_turns(turns, partial(storm.cycle_apart, cycles=CYCLES_APART, seconds=SECONDS_APART))
    return [*about_expiries(expiries), *about_one_grant(one_grant), *about_many_grants(many_grants)]


def about_expiries(rounds: Rounds) -> Rows:
    expiries = len(rounds[OURS]) * EXPIRIES
    what = f"(h) {PROCESSES} processes × {TASKS} tasks, {expiries} expiries, {LATENCY * 1000:.0f} ms:"
    total = {name: joined(of_design) for name, of_design in rounds.items()}
    limit = LONG * median(wait for one in total.values() for wait in one.task_waits)
    long = {name: sum(wait > limit for wait in one.task_waits) for name, one in total.items()}
    return [
        beside(
            f"{what} refreshes and failures",
            {name: f"{one.calls} and {one.failed}" for name, one in total.items()},
            f"{expiries} and 0",
            met=(total[OURS].calls, total[OURS].failed) == (expiries, 0),
        ),
        beside(f"{what} locks found taken, waited for in all", {name: locks(one) for name, one in total.items()}),
        beside(
            f"{what} waits of tasks beyond {milliseconds(limit)}",
            {name: str(number) for name, number in long.items()},
            "fewer than both",
            met=long[OURS] < min(long[HELD], long[POLLED]),
        ),
        # Ours writes `pending` too, to which the held transaction has no answer: one flush of the disk more.
        *both(f"{what} wait of a task, p50", rounds, partial(task_wait, 0.5), shorter_than=(POLLED,)),
        *both(f"{what} wait of a task, p90", rounds, partial(task_wait, 0.9)),
        *both(f"{what} wait of a task, p99", rounds, partial(task_wait, 0.99)),
        *both(f"{what} longest wait of a task", rounds, partial(task_wait, 1.0)),
    ]


def about_one_grant(rounds: Rounds) -> Rows:
    what = f"(h) {PROCESSES} processes × {CYCLES} cycles of one grant:"
    return [
        lost(what, rounds),
        beside(f"{what} a second", {name: rate(of_design, CYCLES) for name, of_design in rounds.items()}),
        *both(f"{what} wait for the lock, p99", rounds, partial(lock_wait, 0.99)),
        *both(f"{what} longest wait for the lock", rounds, partial(lock_wait, 1.0)),
    ]


def about_many_grants(rounds: Rounds) -> Rows:
    what = f"(h) {PROCESSES} processes × {CYCLES_APART} cycles of {SECONDS_APART * 1000:.0f} ms, a grant each:"
    waits = {name: len(joined(of_design).lock_waits) for name, of_design in rounds.items()}
    return [
        lost(what, rounds),
        beside(f"{what} locks found taken", {name: str(number) for name, number in waits.items()}, "0", met=waits[OURS] == 0),
        beside(f"{what} a second", {name: rate(of_design, CYCLES_APART) for name, of_design in rounds.items()}),
        # Two files are flushed at the same time, two transactions of one database one after the other.
        *both(f"{what} beyond the 5 ms, p99", rounds, partial(task_wait, 0.99), shorter_than=(HELD,)),
    ]


def lost(what: str, rounds: Rounds) -> Row:
    """Writes that another's overtook."""
    failed = {name: joined(of_design).failed for name, of_design in rounds.items()}
    return beside(f"{what} lost writes", {name: str(number) for name, number in failed.items()}, "0", met=failed[OURS] == 0)


def beside(what: str, shown: dict[str, str], goal: str = "none", *, met: bool | None = None) -> Row:
    return Row(what, shown[OURS], goal, met, baseline=f"{HELD} {shown[HELD]}", peer=f"{POLLED} {shown[POLLED]}")


def both(what: str, rounds: Rounds, figure: Figure, shorter_than: Collection[str] = (HELD, POLLED)) -> Rows:
    """One line against each."""
    figures = {name: [figure(one) for one in of_design] for name, of_design in rounds.items()}
    return [
        against(what, figures, HELD, has_goal=HELD in shorter_than),
        against(what, figures, POLLED, has_goal=POLLED in shorter_than),
    ]


def against(what: str, figures: dict[str, list[float]], other: str, *, has_goal: bool) -> Row:
    shown = {name: milliseconds(median(values)) for name, values in figures.items()}
    column = "baseline" if other == HELD else "peer"
    ratio = ratio_of(figures[OURS], figures[other])
    row = Row(what, shown[OURS], "none", None, ratio=ratio)
    if has_goal:
        row = replace(row, goal=f"< 1.00 × {column}", met=ratio.median < 1)
    named = f"{other} {shown[other]}"
    return replace(row, baseline=named) if other == HELD else replace(row, peer=named)


def task_wait(share: float, one: Round) -> float:
    return percentile(one.task_waits, share)


def lock_wait(share: float, one: Round) -> float:
    """Of all who took it, at once or not."""
    return percentile([*one.lock_waits, *[NO_WAIT] * one.at_once], share)


def locks(one: Round) -> str:
    return f"{len(one.lock_waits)}, {sum(one.lock_waits):.1f} s"


def rate(rounds: Sequence[Round], cycles: int) -> str:
    return f"{median(PROCESSES * cycles / one.seconds for one in rounds):.0f}"


def milliseconds(value: float) -> str:
    return f"{value * 1000:.0f} ms"
