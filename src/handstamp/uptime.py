"""The machine's own count of time, which no setting of a clock moves and which goes on while the machine sleeps."""

import sys
import time
from functools import cache
from pathlib import Path

from handstamp.model import Uptime

__all__ = ["read_uptime"]


def read_uptime() -> Uptime | None:
    """Since this start of the machine; None where the system does not count so (all but Linux)."""
    if sys.platform != "linux":
        return None
    boot = _boot()
    if boot is None:
        return None
    seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
    # The one goes on while the machine sleeps, the other stands still.
    return Uptime(boot, seconds, max(0.0, seconds - time.clock_gettime(time.CLOCK_MONOTONIC)))


@cache
def _boot() -> str | None:
    """A random name that the kernel gives to each of its starts."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip() or None
    except (OSError, ValueError):
        return None
