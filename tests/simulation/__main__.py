"""
Many histories of one grant, each decided by a list of integers (docs/concepts/refresh.md, "How it is proven").

    make simulate                                       100,000 of them, in some minutes
    make simulate ARGS="--histories 5000 --seed today"  fewer, and others
    make simulate ARGS="--tell 0,0,3,215"               what happens in one

Exit code 1 where an invariant does not hold, with the shortest story that shows it; or where what should have gone wrong never
did.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from simulation.choices import Given
from simulation.history import run_history
from simulation.running import Failed, Share, run_all, tell
from simulation.setting import ALL_FAULTS
from simulation.story import Story

FEWEST = 5000
"""Histories in which each kind of fault has to happen."""
MOST_STORIES = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    options = read_options(arguments)
    if options.tell is not None:
        return tell_one([int(each) for each in options.tell.split(",")])
    begun, total = time.monotonic(), Share()
    for share in run_all(options.seed, options.histories, options.jobs):
        total.add(share)
        show_progress(total, options.histories)
    say(f"{total.histories} histories of seed {options.seed}: {total.histories / (time.monotonic() - begun):.0f} a second.")
    for what, times in sorted(total.counted.items()):
        say(f"{times:10}  {what}")
    never = [fault for fault in sorted(ALL_FAULTS) if not total.counted[fault]] if total.histories >= FEWEST else []
    for fault in never:
        say(f"Never happened: {fault}.")
    say(f"{len(total.failed)} violations.")
    tell_failed(total.failed)
    return 1 if total.failed or never else 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description="Tell many histories of one grant, and judge each.")
    parser.add_argument("--histories", type=int, default=100_000, metavar="N", help="how many; 100000")
    parser.add_argument("--seed", default="1", help="which ones; any word")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="at a time; as many as there are processors")
    parser.add_argument("--tell", metavar="CHOICES", help="the story of one, as a violation names it")
    return parser.parse_args(arguments)


def tell_one(choices: list[int]) -> int:
    story = Story()
    history = run_history(Given(choices), story=story)
    say(str(story))
    return 1 if history.violations else 0


def tell_failed(failed: Sequence[Failed]) -> None:
    """Of each invariant one story, the shortest that was found."""
    shortest: dict[str, Failed] = {}
    for each in sorted(failed, key=lambda each: len(each.taken)):
        shortest.setdefault(each.invariant, each)
    for each in list(shortest.values())[:MOST_STORIES]:
        choices, story = tell(each)
        say(f"\n{each.invariant}: {each.says}\nin {each.name}; shrunk: --tell {','.join(map(str, choices))}\n\n{story}")


def show_progress(total: Share, histories: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{total.histories:8} of {histories}, {len(total.failed)} violations ")
        sys.stderr.flush()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
