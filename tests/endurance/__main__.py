"""
Real processes, real SQLite and real servers on loopback, for minutes.

    make endure                        everything
    make endure ARGS="strict grace"    the runs in whose name one of the words occurs
    make endure ARGS="--scale 0.1"     a tenth of each; more than 1 for longer
    make endure ARGS="--seed 7"        other random moments

Exit code 0 if every run came to what it has to. `tests/endurance/test_endurance.py` runs a little of each.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import pytest

from authority import Knobs
from endurance.disks import DISKS, Expected, watch
from endurance.endings import end_again_and_again
from endurance.expiries import expire_again_and_again
from endurance.kills import kill_again_and_again
from endurance.rekeys import kill_at_lines
from endurance.zygote import Zygote

KILLS = 300
SERVERS: Mapping[str, Knobs] = MappingProxyType(
    {
        "strict": Knobs(),
        "grace of 1 s": Knobs(grace=1.0),
        "grace of 10 s": Knobs(grace=10.0),
        "grace of 30 min": Knobs(grace=1800.0),
        "previous token valid": Knobs(previous=True),
        "no rotation": Knobs(rotate=False),
    }
)

Run = Callable[[Zygote, float, int], tuple[str, bool]]
"""At a scale and with a seed: what came of it, and whether that is as it has to be."""


def run_expiries(zygote: Zygote, scale: float, seed: int) -> tuple[str, bool]:
    expiries = max(1, round(40 * scale))
    came_to = expire_again_and_again(zygote, processes=8, tasks=50, expiries=expiries)
    words = f"{expiries} expiries: {came_to.refreshes} refreshes, {came_to.failures} failures, {came_to.reused} reused"
    return words, (came_to.refreshes, came_to.failures, came_to.reused) == (expiries, 0, 0)


def run_wakes(zygote: Zygote, scale: float, seed: int) -> tuple[str, bool]:
    wakes = max(1, round(10 * scale))
    came_to = expire_again_and_again(zygote, processes=5, tasks=1, expiries=wakes, asleep=True)
    words = f"{wakes} wakes: {came_to.refreshes} refreshes, {came_to.failures} failures, {came_to.reused} reused"
    return words, (came_to.refreshes, came_to.failures, came_to.reused) == (wakes, 0, 0)


def run_kills(knobs: Knobs, zygote: Zygote, scale: float, seed: int) -> tuple[str, bool]:
    came_to = kill_again_and_again(zygote, max(1, round(KILLS * scale)), knobs, seed=seed)
    words = (
        f"{came_to.kills} kills, {came_to.inside} of whoever held the lock, {came_to.pending} with a refresh begun; "
        f"{came_to.renewals} renewals, {came_to.acknowledged} tokens handed out, {len(came_to.lost)} lost; "
        f"{came_to.logins} logins needed, {came_to.logins - came_to.explained} of them unexplained; "
        f"{came_to.failures.total()} other failures"
    )
    problems = [*came_to.lost, *(f"{number} × {failure}" for failure, number in came_to.failures.items())]
    good = not problems and came_to.logins == came_to.explained
    return "\n    ".join([words, *problems]), good


def run_endings(zygote: Zygote, scale: float, seed: int) -> tuple[str, bool]:
    came_to = end_again_and_again(zygote, max(1, round(150 * scale)), seed=seed)
    words = f"{came_to.ended} programs ended, {came_to.renewals} renewals, {len(came_to.lost)} of them lost"
    return "\n    ".join([words, *came_to.lost]), not came_to.lost


def run_rekeys(zygote: Zygote, scale: float, seed: int) -> tuple[str, bool]:
    with TemporaryDirectory() as directory:
        came_to = kill_at_lines(Path(directory, "state"), every=max(1, round(1 / scale)))
    words = f"{came_to.kills} kills, {came_to.keys} keys, {len(came_to.unread)} times unread, left: {came_to.left or 'nothing'}"
    return words, came_to.keys > 1 and not came_to.unread and not came_to.left


def run_disk(expected: Expected, zygote: Zygote, scale: float, seed: int) -> tuple[str, bool]:
    try:
        seen = watch(expected)
    except pytest.skip.Exception as skipped:
        return f"skipped: {skipped.msg}", True
    return json.dumps(seen), seen == dict(expected.seen)


RUNS: Mapping[str, Run] = MappingProxyType(
    {
        "8 processes of 50 tasks": run_expiries,
        "5 programs wake after two days": run_wakes,
        **{f"SIGKILL, {name}": partial(run_kills, knobs) for name, knobs in SERVERS.items()},
        "SIGKILL at each line of a rekey": run_rekeys,
        "SIGTERM, SIGHUP, Ctrl-C, exit": run_endings,
        **{f"disk, {name}": partial(run_disk, expected) for name, expected in DISKS.items()},
    }
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    options = read_options(arguments)
    chosen = {name: run for name, run in RUNS.items() if not options.words or any(word in name for word in options.words)}
    verdicts: list[bool] = []
    for name, run in chosen.items():
        begun_at = time.monotonic()
        with Zygote() as zygote:
            came_to, good = run(zygote, options.scale, options.seed)
        say(f"{'ok  ' if good else 'FAIL'} {name} ({time.monotonic() - begun_at:.0f} s)\n    {came_to}")
        verdicts.append(good)
    return 0 if verdicts and all(verdicts) else 1


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make endure", description="Real processes that share one grant, for minutes.")
    parser.add_argument("words", nargs="*", help="run those in whose name one of the words occurs")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of each")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
