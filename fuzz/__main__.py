"""
`python -m fuzz SECONDS [TARGET…]`: a coverage-guided fuzzer for that many seconds in all, over each target or those named.

Some targets at a time, each in processes of its own: one that looks for growth, then one that fuzzes. What libFuzzer found worth
keeping stays in `.fuzz/` and is where the next run begins. An input that breaks a target is kept in `fuzz/findings/`, and the
exit code is 1.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.target import Target
from fuzz.targets import TARGETS

REPOSITORY = Path(__file__).resolve().parents[1]
FINDINGS = REPOSITORY / "fuzz" / "findings"
CORPUS = REPOSITORY / ".fuzz"
MEMORY = Path("/dev/shm")

GROWTH_SHARE = 0.15
"""Of a target's seconds."""

PATIENCE = 60.0
"""Seconds for start and end on a busy machine, before a process is taken to hang."""

STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)$", re.MULTILINE)
COVERED = re.compile(r"\bcov: (\d+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one target's time has brought."""

    target: Target
    inputs: int
    seconds: float
    peak_mib: int
    covered: int
    findings: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line a target as it is done, then the sum. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("seconds", type=float)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"expected some of {' '.join(TARGETS)}, got {' '.join(sorted(unknown))}")
    names: list[str] = options.targets or list(TARGETS)
    chosen = [TARGETS[name] for name in names]
    jobs: int = min(options.jobs, len(chosen))
    share: float = options.seconds * jobs / len(chosen)

    def work(target: Target) -> Outcome:
        return _try(target, share)

    began = time.monotonic()
    _line("target", "inputs", "per second", "peak MiB", "branches", "findings")
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(work, chosen))
    minutes = (time.monotonic() - began) / 60
    total = sum(outcome.inputs for outcome in outcomes)
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    sys.stdout.write(f"{total:,} inputs over {len(chosen)} parsers in {minutes:.1f} minutes, {len(findings)} findings.\n")
    for finding in findings:
        sys.stdout.write(f"  {finding}\n")
    return 1 if findings else 0


def _try(target: Target, seconds: float) -> Outcome:
    end = time.time() + seconds
    growth = _look_for_growth(target, seconds * GROWTH_SHARE)
    outcome = _fuzz(target, end, growth)
    rate = outcome.inputs / outcome.seconds if outcome.seconds else 0.0
    _line(
        target.name,
        f"{outcome.inputs:,}",
        f"{rate:,.0f}",
        str(outcome.peak_mib),
        str(outcome.covered),
        str(len(outcome.findings)),
    )
    return outcome


def _look_for_growth(target: Target, seconds: float) -> list[str]:
    done = _run(seconds, "fuzz.growth", target.name, f"{seconds:.1f}")
    return [f"{target.name}: {_end_of(done.stdout)}"] if done.returncode else []


def _fuzz(target: Target, end: float, findings: list[str]) -> Outcome:
    corpus = CORPUS / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    FINDINGS.mkdir(exist_ok=True)
    before = set(FINDINGS.iterdir())
    began = time.monotonic()
    done = _run(end - time.time(), "fuzz.guided", target.name, str(corpus), f"{FINDINGS}/{target.name}-", f"{end:.3f}")
    took = time.monotonic() - began
    stored = sorted(path for path in set(FINDINGS.iterdir()) - before if path.name.startswith(f"{target.name}-"))
    findings = findings + [_explain(target, path, done.stdout) for path in stored]
    if done.returncode and not stored:
        findings.append(f"{target.name}: ended with {done.returncode}: {_end_of(done.stdout)}")
    numbers = {name: int(value) for name, value in STATISTIC.findall(done.stdout)}
    covered = [int(found) for found in COVERED.findall(done.stdout)]
    return Outcome(
        target,
        numbers.get("number_of_executed_units", 0),
        took,
        numbers.get("peak_rss_mb", 0),
        max(covered, default=0),
        tuple(findings),
    )


def _end_of(output: str) -> str:
    """The input that failed in the search for growth, and what it failed with."""
    lines = output.strip().splitlines() or ["no word"]
    telling = dict.fromkeys(line[:500] for line in (lines[0], lines[-1]) if not line.startswith("INFO"))
    return "\n    ".join(telling)


def _explain(target: Target, path: Path, output: str) -> str:
    told = [line for line in output.splitlines() if re.match(r"\s*(\w+\.)*\w*(Error|Exception|ERROR)\b.*:", line)]
    home = f"tests/fuzzing/failed/{target.name}/"
    return (
        f"{target.name}: {told[0].strip()[:300] if told else 'see libFuzzer'}\n"
        f"    {path.relative_to(REPOSITORY)}: mend the code, then move it into {home} under a name that says what it is:"
        " the tests replay it from there."
    )


def _run(seconds: float, *module_and_arguments: str) -> "subprocess.CompletedProcess[str]":
    """One of our own modules, its files in memory where the system has a place for that."""
    with TemporaryDirectory(prefix="handstamp-fuzz-", dir=MEMORY if MEMORY.is_dir() else None) as place:
        return _run_at(place, seconds, [sys.executable, "-m", *module_and_arguments])


def _run_at(place: str, seconds: float, command: list[str]) -> "subprocess.CompletedProcess[str]":
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": place},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds + PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            output += f"hangs: not done after {seconds + PATIENCE:.0f} seconds\n"
    return subprocess.CompletedProcess(command, process.returncode, output)


def _line(name: str, *cells: str) -> None:
    sys.stdout.write(name.ljust(18) + "".join(cell.rjust(13) for cell in cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
