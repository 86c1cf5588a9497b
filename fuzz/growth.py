"""
`python -m fuzz.growth TARGET SECONDS`: whether a parser keeps something of each input.

A fuzzer grows by itself: it keeps inputs. So this has a process of its own, without one: laps of new inputs, the seeds with a few
bytes changed, after which the process has to be as large as it was. The first lap fills what is filled once, caches and pools; a
parser that leaks grows in each of the others. Exit code 1.
"""

import gc
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from resource import getpagesize

from fuzz.target import HANG_SECONDS, Target
from fuzz.targets import TARGETS

LAPS = 4
ALLOWED_BYTES = 1024 * 1024
"""A lap: less is the allocator's."""

MAX_INPUTS = 20_000
"""A lap."""


def main() -> int:
    """Says by how much it grew. Gives the exit code."""
    target = TARGETS[sys.argv[1]]
    # Modules that a target imports at its first input are no part of that input's time.
    target.run(b"")
    grown = find_growth(replace(target, run=_limited(target.run)), float(sys.argv[2]))
    if not grown:
        return 0
    sys.stdout.write(f"grows: {', '.join(f'{each // 1024} KiB' for each in grown)} in laps of the same length\n")
    return 1


def find_growth(target: Target, seconds: float) -> list[int]:
    """By how many bytes the process grew in each lap but the first; empty unless it was much in each."""
    chance = random.Random(0)
    inputs = _run_lap(target, chance, seconds / LAPS, MAX_INPUTS)
    sizes = [_size()]
    for _ in range(LAPS - 1):
        _run_lap(target, chance, seconds / LAPS, inputs)
        sizes.append(_size())
    grown = [after - before for before, after in pairwise(sizes)]
    return grown if min(grown) > ALLOWED_BYTES else []


def _run_lap(target: Target, chance: random.Random, seconds: float, inputs: int) -> int:
    """How many there were within the time."""
    seeds = [seed.read_bytes() for seed in target.seeds]
    ends_at = time.monotonic() + seconds
    for count in range(inputs):
        if time.monotonic() > ends_at:
            return count
        data = change(chance, seeds, target.max_length)
        try:
            target.run(data)
        except Exception:
            sys.stdout.write(f"fails on {data!r}\n")
            raise
    return inputs


def change(chance: random.Random, seeds: Sequence[bytes], max_length: int) -> bytes:
    """A seed with some bytes changed, dropped, or taken from another."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(0, 4)):
        at = chance.randint(0, len(data))
        match chance.randint(0, 2):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case _:
                other = chance.choice(seeds)
                begin = chance.randint(0, len(other))
                data[at:at] = other[begin : begin + chance.randint(1, 32)]
    return bytes(data[:max_length])


def _limited(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """`run`, which raises TimeoutError where it hangs."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"not done after {HANG_SECONDS} seconds")

    def limited(data: bytes) -> None:
        signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
        run(data)
        signal.setitimer(signal.ITIMER_REAL, 0)

    signal.signal(signal.SIGALRM, stop)
    return limited


def _size() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * getpagesize()


if __name__ == "__main__":
    sys.exit(main())
