"""
(j) What a process costs that only hands out tokens: memory, threads, and how often it wakes where nobody asks. Linux only.

The processes are `serving.py`, which imports nothing that they would not.
"""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from homes import Home, expired_token, fresh_token, grant_for, temporary_home
from measuring import Row, Rows, ratio_of
from rotating_authority import RotatingAuthority, rotating_authority
from started import programs

PAIRS = 5
"""At most: one such process takes as much as the next."""
SETTLE_SECONDS = 0.2
"""In which it has come to wait."""
IDLE_SECONDS = 1.0
GOALS = {"fresh": 0.35, "refreshed": 0.65}
WORDS = {"fresh": "hands out fresh tokens", "refreshed": "has refreshed once"}
KINDS = ("Python", *GOALS, "SDK")
PROGRAM = str(Path(__file__).with_name("serving.py"))


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process that waits."""

    private: float
    """MiB that are its alone."""
    proportional: float
    """MiB: these, and its part of what it shares with others (PSS)."""
    threads: int
    wakings: int
    """In `IDLE_SECONDS`."""


def run(pairs: int) -> Rows:
    costs: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
    with temporary_home() as home, rotating_authority() as authority:
        for turn in range(min(pairs, PAIRS)):
            for kind in list(costs)[:: 1 if turn % 2 == 0 else -1]:
                store_grant(home, authority, kind, turn)
                costs[kind].append(measure(kind, authority.server, home))
    return [row for kind in GOALS for row in (memory(kind, costs), stillness(kind, costs))]


def store_grant(home: Home, authority: RotatingAuthority, kind: str, turn: int) -> None:
    token = expired_token(f"family-{turn}") if kind == "refreshed" else fresh_token()
    with closing(home.store()) as store:
        store.save_grant(grant_for(authority.server, token, issuer=authority.issuer))


def measure(kind: str, server: str, home: Home) -> Cost:
    with programs(PROGRAM, [[kind, server]], home.environment()) as (program,):
        process = Path("/proc", str(program.process.pid))
        time.sleep(SETTLE_SECONDS)
        before = field(process / "status", "voluntary_ctxt_switches")
        time.sleep(IDLE_SECONDS)
        sizes = process / "smaps_rollup"
        return Cost(
            private=(field(sizes, "Private_Clean") + field(sizes, "Private_Dirty")) / 1024,
            proportional=field(sizes, "Pss") / 1024,
            threads=field(process / "status", "Threads"),
            wakings=field(process / "status", "voluntary_ctxt_switches") - before,
        )


def field(file: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(f"{name}:"))


def memory(kind: str, costs: dict[str, list[Cost]]) -> Row:
    ratio = ratio_of([cost.private for cost in costs[kind]], [cost.private for cost in costs["SDK"]])
    return Row(
        f"(j) a process that {WORDS[kind]}: memory of its own, and with its part of what is shared",
        ours=sizes_of(costs[kind]),
        baseline=f"Python {sizes_of(costs['Python'])}",
        peer=f"SDK {sizes_of(costs['SDK'])}",
        ratio=ratio,
        goal=f"≤ {GOALS[kind]:.2f} × peer",
        met=ratio.median <= GOALS[kind],
    )


def stillness(kind: str, costs: dict[str, list[Cost]]) -> Row:
    threads, wakings = (max(cost.threads for cost in costs[kind]), max(cost.wakings for cost in costs[kind]))
    return Row(
        f"(j) a process that {WORDS[kind]}: threads, wakings in an idle second",
        ours=f"{threads}, {wakings}",
        goal="1, 0",
        met=(threads, wakings) == (1, 0),
    )


def sizes_of(costs: list[Cost]) -> str:
    return f"{median(cost.private for cost in costs):.1f}, {median(cost.proportional for cost in costs):.1f} MiB"
