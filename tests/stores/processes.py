"""Real other processes: a program text, started with this test's own interpreter, that talks in lines."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from handstamp import stores

_SOURCES = Path(stores.__file__).parents[2]
_TESTS = Path(__file__).parents[1]


def start(program: str, *arguments: object, environ: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """Runs `program`; what is in `arguments` is its `sys.argv[1:]`. The caller waits for it or kills it, and closes its pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environ or {}), "PYTHONPATH": os.pathsep.join([str(_SOURCES), str(_TESTS)])},
    )


def read_line(process: "subprocess.Popen[str]") -> str:
    """The next line that it says; where it ends instead, what it complained of."""
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdout.readline().rstrip("\n") or process.stderr.read()


def finish(process: "subprocess.Popen[str]", said: str = "") -> str:
    """Its whole output. Fails with its complaints unless it ended well."""
    output, complaints = process.communicate(said)
    assert process.returncode == 0, complaints
    return output
