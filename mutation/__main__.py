"""`python -m mutation [WORD…]`: the guards whose name or row contains a word, or all of them. Exit code 1 where one is not missed."""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
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

    def run_tests(self, guard: Guard) -> str:
        """What pytest says about the guard's tests."""
        rows = " or ".join(f"test_{row.lower()}_" for row in guard.rows)
        output = ""
        if rows:
            output += self._pytest("tests/threats", "-k", rows)
        if guard.tests:
            output += self._pytest(*guard.tests)
        return output

    def without(self, guard: Guard) -> str:
        """The same with the guard taken out. Raises TextMoved."""
        source = self.root / "src" / "handstamp"
        intact = {edit.file: (source / edit.file).read_text("utf-8") for edit in guard.edits}
        try:
            for edit in guard.edits:
                (source / edit.file).write_text(edit.apply(source), "utf-8")
            self._forget_bytecode()
            return self.run_tests(guard)
        finally:
            for file, text in intact.items():
                (source / file).write_text(text, "utf-8")
            self._forget_bytecode()

    def _forget_bytecode(self) -> None:
        # A change within a second that keeps the length would leave the old bytecode valid.
        for cache in (self.root / "src").rglob("__pycache__"):
            shutil.rmtree(cache, ignore_errors=True)

    def _pytest(self, *arguments: str) -> str:
        options = ("-q", "--tb=no", "-rfE", "-p", "no:cacheprovider", "-p", "no:randomly", "--timeout", str(TEST_SECONDS))
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(self.root / "src"), str(self.root)))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *arguments],
            cwd=self.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}")
        return done.stdout


def find_green(guard: Guard, output: str) -> list[str]:
    """The rows and tests that did not notice."""
    failed = FAILED.findall(output)
    rows = [row for row in guard.rows if not any(f"::test_{row.lower()}_" in test for test in failed)]
    return rows + [test for test in guard.tests if not any(found.startswith(test) for found in failed)]


def judge(guard: Guard, workshop: Workshop) -> str:
    """Empty where the guard is missed by all that it serves, else what is wrong."""
    try:
        intact = workshop.run_tests(guard)
        if already_red := FAILED.findall(intact):
            return f"red with the guard in place: {', '.join(already_red[:3])}"
        green = find_green(guard, workshop.without(guard))
    except (TextMoved, RuntimeError, subprocess.TimeoutExpired) as error:
        return str(error)
    return f"GREEN without it: {', '.join(green)}" if green else ""


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
    options = parser.parse_args()
    guards = choose(options.words)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="handstamp-mutation-") as place:
        free: queue.SimpleQueue[Workshop] = queue.SimpleQueue()
        for number in range(options.jobs):
            free.put(Workshop(Path(place) / str(number)))
        lock = threading.Lock()
        noticed = 0

        def work(guard: Guard) -> bool:
            workshop = free.get()
            try:
                problem = judge(guard, workshop)
            finally:
                free.put(workshop)
            with lock:
                print(f"{'noticed' if not problem else 'PROBLEM':8} {guard.name}{': ' + problem if problem else ''}", flush=True)
            return not problem

        with ThreadPoolExecutor(options.jobs) as pool:
            noticed = sum(pool.map(work, guards))
    minutes = (time.monotonic() - began) / 60
    print(f"{noticed} of {len(guards)} guards are missed when they are taken out; {minutes:.1f} minutes.")
    return 0 if guards and noticed == len(guards) else 1


if __name__ == "__main__":
    sys.exit(main())
