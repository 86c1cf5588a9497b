"""`python -m mutation [WORD…]`: the guards whose name or row has a word in it, or all. Exit code 1 where one is not missed."""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation.guard import Guard, TextMoved
from mutation.guards import all_guards

REPOSITORY = Path(__file__).resolve().parent.parent
COPIED = (
    "src",
    "tests",
    "docs",
    "examples",
    "bench",
    "fuzz",
    "mutation",
    "requirements",
    "pyproject.toml",
    "README.md",
    "Makefile",
)
TEST_SECONDS = 40
RUN_SECONDS = 300
INTACT_SECONDS = 1800
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


class Workshop:
    """A copy of the tree in which guards are taken out, so that nobody ever runs the code without them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            origin = REPOSITORY / name
            if origin.is_dir():
                shutil.copytree(origin, root / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
            elif origin.exists():
                shutil.copy(origin, root / name)

    def intact(self, guards: Sequence[Guard], jobs: int) -> list[str]:
        """The tests of all these guards that are red without any of them being taken out."""
        rows = {row for guard in guards for row in guard.rows}
        tests = {test for guard in guards for test in guard.tests}
        return self._run(sorted(rows), sorted(tests), ("-n", str(jobs)), INTACT_SECONDS)

    def without(self, guard: Guard) -> list[str]:
        """The tests that are red without this guard. Raises TextMoved."""
        source = self.root / "src" / "handstamp"
        files = {source / edit.file: (source / edit.file).read_text("utf-8") for edit in guard.edits}
        # Where one failure is enough, the rest of a row's tests need not run.
        options = ("-x",) if len(guard.rows + guard.tests) == 1 else ()
        try:
            for edit in guard.edits:
                _write(source / edit.file, edit.apply(source))
            return self._run(guard.rows, guard.tests, options, RUN_SECONDS)
        finally:
            for file, text in files.items():
                _write(file, text)

    def _run(self, rows: Sequence[str], tests: Sequence[str], options: Sequence[str], seconds: float) -> list[str]:
        red: list[str] = []
        if rows:
            words = " or ".join(f"test_{row.lower()}_" for row in rows)
            red += self._pytest("tests/threats", "-k", words, *options, seconds=seconds)
        if tests:
            red += self._pytest(*tests, *options, seconds=seconds)
        return red

    def _pytest(self, *arguments: str, seconds: float) -> list[str]:
        options = ("-q", "--tb=no", "-rfE", "-p", "no:cacheprovider", "-p", "no:randomly", "--timeout", str(TEST_SECONDS))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(self.root / "src"), str(self.root)))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}")
        return FAILED.findall(done.stdout)


def _write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    # A change within a second that keeps the length would leave the old bytecode valid.
    for bytecode in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
        bytecode.unlink()


def is_of_row(test: str, row: str) -> bool:
    """By its name."""
    return f"::test_{row.lower()}_" in test


def is_test(test: str, named: str) -> bool:
    """The test itself, or one of its parameters."""
    return test == named or test.startswith(f"{named}[")


def serves(guard: Guard, test: str) -> bool:
    """Whether this test is one that has to miss the guard."""
    return any(is_of_row(test, row) for row in guard.rows) or any(is_test(test, named) for named in guard.tests)


def find_green(guard: Guard, red: Sequence[str]) -> list[str]:
    """The rows and tests that did not notice."""
    rows = [row for row in guard.rows if not any(is_of_row(test, row) for test in red)]
    return rows + [named for named in guard.tests if not any(is_test(test, named) for test in red)]


def judge(guard: Guard, workshop: Workshop, already_red: Sequence[str]) -> str:
    """Empty where the guard is missed by all that it serves, else what is wrong."""
    spoilt = [test for test in already_red if serves(guard, test)]
    if spoilt:
        return f"red with the guard in place: {', '.join(spoilt[:3])}"
    try:
        green = find_green(guard, workshop.without(guard))
    except (TextMoved, RuntimeError, subprocess.TimeoutExpired) as error:
        return str(error)
    return f"GREEN without it: {', '.join(green)}" if green else ""


def judge_all(guards: Sequence[Guard], workshops: Sequence[Workshop], already_red: Sequence[str]) -> Iterator[str]:
    """In their order, as many at a time as there are workshops."""
    free: queue.SimpleQueue[Workshop] = queue.SimpleQueue()
    for workshop in workshops:
        free.put(workshop)

    def work(guard: Guard) -> str:
        workshop = free.get()
        try:
            return judge(guard, workshop, already_red)
        finally:
            free.put(workshop)

    with ThreadPoolExecutor(len(workshops)) as pool:
        yield from pool.map(work, guards)


def choose(words: Sequence[str]) -> list[Guard]:
    """Those that a word fits, by name or row."""
    guards = all_guards()
    if not words:
        return guards
    return [guard for guard in guards if any(word in guard.name or word.upper() in guard.rows for word in words)]


def main() -> int:
    """Prints a line a guard and a sum. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="mutation")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--share", default="0/1", metavar="K/N", help="each N-th guard alone, from the K-th on (0 is the first)")
    options = parser.parse_args()
    first, step = map(int, options.share.split("/"))
    guards = choose(options.words)[first::step]
    began, noticed = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="handstamp-mutation-") as place:
        workshops = [Workshop(Path(place) / str(number)) for number in range(options.jobs)]
        already_red = workshops[0].intact(guards, options.jobs)
        for guard, problem in zip(guards, judge_all(guards, workshops, already_red), strict=True):
            noticed += not problem
            print(f"{'PROBLEM' if problem else 'noticed'} {guard.name}{problem and ': '}{problem}", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{noticed} of {len(guards)} guards are missed when they are taken out; {minutes:.1f} minutes.")
    return 0 if guards and noticed == len(guards) else 1


if __name__ == "__main__":
    sys.exit(main())
