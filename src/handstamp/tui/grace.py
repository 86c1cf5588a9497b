"""Keys that were meant for something else."""

__all__ = ["QUIET", "Grace"]

QUIET = 0.425
"""Seconds without a key after which the next one is meant for what has appeared meanwhile."""


class Grace:
    """
    What appears by itself hears no key that was meant for something else: not before so many seconds have passed without one.

    Whoever types on keeps it waiting, and whoever looks up has waited long enough.
    """

    def __init__(self, now: float, seconds: float = QUIET) -> None:
        self._seconds = seconds
        self.ends_at = now + seconds

    def is_over(self, now: float) -> bool:
        return now >= self.ends_at

    def swallows(self, now: float) -> bool:
        """True for a key that comes now and was not meant; then the wait begins anew."""
        if self.is_over(now):
            return False
        self.ends_at = now + self._seconds
        return True
