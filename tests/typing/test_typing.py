"""What a developer's type checker tells them about our names, as far as it matters."""

import os
import re
import subprocess
import sys
from pathlib import Path

from source_tree import REPOSITORY

HERE = Path(__file__).parent
EXPECTED = re.compile(r"# expect: ([a-z-]+)$")
REPORTED = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$")


def expected_errors(files: list[Path]) -> set[tuple[str, int, str]]:
    return {
        (file.name, number, found[1])
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (found := EXPECTED.search(line))
    }


def reported_errors(output: str) -> set[tuple[str, int, str]]:
    return {
        (Path(found["file"]).name, int(found["line"]), found["code"])
        for line in output.splitlines()
        if (found := REPORTED.match(line))
    }


def test_mypy_accepts_what_is_right_and_refuses_what_is_wrong() -> None:
    files = sorted(file for file in HERE.glob("*.py") if not file.name.startswith("test_"))
    expected = expected_errors(files)

    # One run for all files, without our settings: a developer's project has its own.
    arguments = ["--strict", "--config-file=", "--no-error-summary", "--python-version", "3.11"]
    cache = REPOSITORY / ".mypy_cache" / "typing"
    run = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments, "--cache-dir", str(cache), *(file.name for file in files)],
        cwd=HERE,
        env=os.environ | {"MYPYPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )

    assert reported_errors(run.stdout) == expected, run.stdout + run.stderr
