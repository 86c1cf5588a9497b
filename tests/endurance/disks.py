"""
What has to be seen on a disk that is full or read-only (TE19): the scenarios of `disk.py`, each with what it has to come to.

A token that was got and cannot be written is told of, kept in memory under the grant's lock, and written as soon as that works.
And no refresh is sent that the vault could not be told of first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from inside import run_inside

__all__ = ["DISKS", "Expected", "watch"]

PROGRAM = Path(__file__).parent / "disk.py"
UNREACHABLE, NEWEST = "failed store_unreachable", "the newest token"


@dataclass(frozen=True, slots=True)
class Expected:
    """A scenario, the grace of the server in seconds, and what is to be seen."""

    scenario: str
    seen: Mapping[str, object]
    grace: float = 0.0


DISKS: Mapping[str, Expected] = MappingProxyType(
    {
        "full before the request": Expected(
            "refuse_to_begin",
            {"refreshes": 1, "is stored": True, "told": UNREACHABLE, "refreshes_meanwhile": 0, "after": NEWEST},
        ),
        "full before the answer, and for long": Expected(
            "keep",
            {
                "refreshes": 1,
                "is stored": True,
                "told": UNREACHABLE,
                "again": UNREACHABLE,
                "waiting": [[], []],
                "refreshes_meanwhile": 1,
                "after": [NEWEST, NEWEST],
                "last": NEWEST,
            },
        ),
        "read-only before the answer": Expected(
            "keep_read_only",
            {
                "refreshes": 1,
                "is stored": True,
                "told": UNREACHABLE,
                "waiting": [UNREACHABLE],
                "after": NEWEST,
                "last": NEWEST,
            },
        ),
        "full, and the program ends when there is room": Expected(
            "end_with_it", {"refreshes": 1, "is stored": True, "told": UNREACHABLE, "status": 3}
        ),
        "full, and the program is killed; strict": Expected(
            "die_with_it", {"refreshes": 2, "is stored": False, "told": UNREACHABLE, "after": "failed login_required"}
        ),
        "full, and the program is killed; grace": Expected(
            "die_with_it",
            {"refreshes": 2, "is stored": True, "told": UNREACHABLE, "after": NEWEST},
            grace=60.0,
        ),
        "full at a sign-in": Expected("sign_in", {"outcome": ["store_unreachable"], "is as before": True}),
    }
)


def watch(expected: Expected) -> dict[str, Any]:
    """What is seen. Skips the test, or fails it, where no disk of one's own can be had."""
    with TemporaryDirectory(prefix="handstamp-disk-") as folder:
        return run_inside(PROGRAM, folder, expected.scenario, expected.grace)
