"""
The quiet grace of a dialog that appears by itself: no key that was meant for something else lands in it.

Somebody may be typing at the moment when it appears. So its keys count only after a pause, from when it was shown or from the
last key that did not count; a hand that goes on typing does not notice the dialog until it stops. Once a key has counted, all do.
A dialog that a person opened needs none of this.
"""

__all__ = ["QUIET_SECONDS", "Grace"]

QUIET_SECONDS = 0.4
"""Between two keys of one who types are 0.1 to 0.3 seconds; nobody has read a dialog in 0.4."""


class Grace:
    """The grace of one dialog. Times are seconds of a clock that only goes on, such as `time.monotonic`."""

    def __init__(self, shown_at: float, *, quiet: float = QUIET_SECONDS) -> None:
        self._quiet = quiet
        self._quiet_since: float | None = shown_at

    def counts(self, now: float) -> bool:
        """Whether the key that is pressed now is meant for the dialog. To be asked once for each key."""
        if self._quiet_since is None:
            return True
        if now - self._quiet_since < self._quiet:
            self._quiet_since = now
            return False
        self._quiet_since = None
        return True
