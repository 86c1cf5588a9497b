"""
(l) The full-screen app with 200 servers of which 20 hang, beside an empty Textual app: its first frame, the list of servers, its
answer to a key while they connect, its memory, its rest. Linux only.

The processes run in a pty. The first frame is there once the title has been drawn, the list once the first server's name has; in
the empty app that word is all there is. A key is answered once it is drawn: each is another letter, typed into the filter, which
goes through all servers for it.
"""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from homes import Home, temporary_home
from measuring import Row, Rows, percentile, ratio_of
from terminals import Terminal

SERVERS, HANGING = 200, 20
KEYS = "αβγδεζηθικλμνξοπρστυ"
IDLE_SECONDS = 5.0
PAIRS = 8
"""At most: each pair takes some fifteen seconds."""
FIRST_FRAME_GOAL = 2.0
KEY_GOAL = 0.1
"""Seconds. Not a ratio for once: it is what a person notices."""
HERE = Path(__file__).parent
COMMANDS = {"ours": [sys.executable, "-m", "handstamp"], "empty": [sys.executable, str(HERE / "empty_app.py")]}
TITLES = {"ours": "handstamp", "empty": "server-000"}
OPENS_FILTER = {"ours": ("/", "words to look for"), "empty": None}
"""The key that opens it, and what it shows then."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took."""

    first_frame: float
    listed: float
    """Seconds until the servers are seen."""
    keys: list[float]
    private: float
    idle: float
    """CPU seconds a second."""


def run(pairs: int) -> Rows:
    runs: dict[str, list[Run]] = {name: [] for name in COMMANDS}
    with many_servers() as port, temporary_home() as home:
        home.configure("".join(map(settings_of, range(SERVERS), [port] * SERVERS)))
        for turn in range(min(pairs, PAIRS) + 1):
            for name in list(COMMANDS)[:: 1 if turn % 2 == 0 else -1]:
                runs[name].append(measure(name, home))
    counted = {name: each[1:] for name, each in runs.items()}  # the first compiled our modules
    return rows(counted["ours"], counted["empty"])


def measure(name: str, home: Home) -> Run:
    with Terminal(COMMANDS[name], home.environment()) as terminal:
        first_frame = terminal.first(TITLES[name])
        listed = terminal.first("server-000")
        if (opening := OPENS_FILTER[name]) is not None:
            terminal.answer(*opening)
        keys = [terminal.answer(key, key) for key in KEYS]
        terminal.wait(IDLE_SECONDS)
        return Run(first_frame, listed, keys, terminal.private, terminal.wait(IDLE_SECONDS) / IDLE_SECONDS)


def rows(ours: list[Run], empty: list[Run]) -> Rows:
    first = ratio_of([run.first_frame for run in ours], [run.first_frame for run in empty])
    keys, empty_keys = ([key for run in runs for key in run.keys] for runs in (ours, empty))
    what = f"(l) the app with {SERVERS} servers of which {HANGING} hang"
    return [
        Row(
            f"{what}: first frame",
            ours=f"{median(run.first_frame for run in ours) * 1000:.0f} ms",
            baseline=f"empty app {median(run.first_frame for run in empty) * 1000:.0f} ms",
            ratio=first,
            goal=f"≤ {FIRST_FRAME_GOAL:.2f} × baseline",
            met=first.median <= FIRST_FRAME_GOAL,
        ),
        Row(
            f"{what}: their list",
            ours=f"{median(run.listed for run in ours) * 1000:.0f} ms",
            baseline=f"empty app {median(run.first_frame for run in empty) * 1000:.0f} ms",
            ratio=ratio_of([run.listed for run in ours], [run.first_frame for run in empty]),
            goal="none",
            met=None,
        ),
        Row(
            f"{what}: a key while they connect, p50 and p90",
            ours=times(keys),
            baseline=f"empty app {times(empty_keys)}",
            goal=f"p90 ≤ {KEY_GOAL * 1000:.0f} ms",
            met=percentile(keys, 0.9) <= KEY_GOAL,
        ),
        Row(
            f"{what}: the longest wait for a key",
            ours=f"{max(keys) * 1000:.0f} ms",
            baseline=f"empty app {max(empty_keys) * 1000:.0f} ms",
            goal="none",
            met=None,
        ),
        Row(
            f"{what}: memory of its own",
            ours=f"{median(run.private for run in ours):.0f} MiB",
            baseline=f"empty app {median(run.private for run in empty):.0f} MiB",
            goal="none",
            met=None,
        ),
        Row(
            f"{what}: CPU while nothing happens",
            ours=f"{median(run.idle for run in ours) * 100:.1f} %",
            baseline=f"empty app {median(run.idle for run in empty) * 100:.1f} %",
            goal="none",
            met=None,
        ),
    ]


def times(values: list[float]) -> str:
    return f"{median(values) * 1000:.0f}, {percentile(values, 0.9) * 1000:.0f} ms"


def settings_of(number: int, port: int) -> str:
    """Every tenth hangs, so that some do wherever one looks. Each has an address of its own, as servers have."""
    place = f"hang/{number}" if number % (SERVERS // HANGING) == 5 else str(number)
    return f'[servers.server-{number:03}]\nurl = "http://127.0.0.{number + 1}:{port}/{place}"\n'


@contextmanager
def many_servers() -> Generator[int]:
    """The port where they are."""
    command = [sys.executable, str(HERE / "many_servers.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
