"""When the sign-in dialog opens by itself: once for each need, and never again for what the person has left (W16)."""

from collections.abc import Iterable

from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.rows import Row
from handstamp.tui.sign_in import SignIn, SignInOutcome

__all__ = ["Offering"]

SETTLED = 1.5
"""Seconds to wait for other servers that are still starting, so that one dialog asks for all of them."""


class Offering:
    """Remembers for one run what was offered. Dismissed stays dismissed until the person signs in there."""

    def __init__(self) -> None:
        self._offered: set[tuple[str, str]] = set()

    def due(self, rows: Iterable[Row], now: float) -> list[SignIn]:
        """What to offer now: all that need a login, once nothing else may join them soon."""
        known = list(rows)
        new = [
            row
            for row in known
            if row.state.status is ConnectionStatus.NEEDS_LOGIN and (row.target.name, row.account) not in self._offered
        ]
        is_early = any(row.state.status is ConnectionStatus.STARTING and now - row.state.since < SETTLED for row in known)
        return [] if is_early else [row.sign_in for row in new]

    def opened(self, wanted: Iterable[SignIn]) -> None:
        """A dialog asks for these now."""
        self._offered.update((each.server, each.account) for each in wanted)

    def closed(self, outcome: SignInOutcome) -> None:
        """Those that work now may be offered again when they need it once more."""
        self._offered.difference_update((each.server, each.account) for each in outcome.signed_in)
