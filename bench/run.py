"""
Runs the benchmarks and prints one table. `make bench`, `make bench ARGS="a e --pairs 5"`.

Speed is a ratio to a peer or a baseline of the same run, never a number of seconds: seconds are the machine's. The exit code is 1
if a goal is missed.
"""

import argparse
import platform
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import cast

# Before any benchmark is imported: they use the tests' authority.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

from measuring import Bench, Row, Rows

BENCHES = {
    "a": "concurrent_calls",
    "b": "added_cpu",
    "c": "login_requests",
    "d": "one_expiry",
    "e": "start_up",
    "f": "guard_cost",
    "g": "hostile_answers",
    "h": "contention",
    "i": "many_grants",
    "j": "serving_memory",
    "k": "token_cpu",
    "l": "app_start",
}
MET = {True: "yes", False: "NO", None: "–"}
HEADINGS = ("what", "ours", "baseline", "peer", "ratio, median (min–max)", "goal", "met")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Compare with no auth and with the SDK's provider.")
    parser.add_argument("which", nargs="*", help=", ".join(f"{letter} {name}" for letter, name in BENCHES.items()))
    parser.add_argument("--pairs", type=int, default=15, help="alternating measurements of each subject (default 15)")
    options = parser.parse_args(arguments)
    chosen: list[str] = options.which or list(BENCHES)
    if unknown := set(chosen) - set(BENCHES):
        parser.error(f"expected some of {' '.join(BENCHES)}, got {' '.join(sorted(unknown))}")

    rows: Rows = []
    for letter in chosen:
        sys.stderr.write(f"{BENCHES[letter]} …\n")
        rows += cast("Bench", import_module(BENCHES[letter])).run(options.pairs)
    versions = ", ".join(f"{name} {version(name)}" for name in ("httpx2", "mcp"))
    sys.stdout.write(f"Python {platform.python_version()}, {versions}; {options.pairs} alternating pairs.\n\n{table(rows)}")
    return 0 if all(row.met is not False for row in rows) else 1


def table(rows: Rows) -> str:
    """Markdown, so that it can be pasted; its columns are aligned, so that it can be read."""
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    drawn = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(drawn) + "\n"


def cells(row: Row) -> tuple[str, ...]:
    ratio = "–" if row.ratio is None else str(row.ratio)
    return row.what, row.ours, row.baseline, row.peer, ratio, row.goal, MET[row.met]


if __name__ == "__main__":
    sys.exit(main())
