"""
Leaves an authorization server in peace that is out of order.

    closed   fewer than FAILURES in a row    everybody asks
    open     for SHORTEST seconds, twice as long with each further one, LONGEST at most    nobody asks
    half     after that    one asks; an answer closes it, none opens it again

A `Retry-After` opens it at once, for as long as it says.

Counted for an issuer, over all grants of one vault: ten thousand people's tokens must not knock ten thousand times at a door that
is known to be shut. Any answer counts, a refusal too: the server is there.
"""

import threading
from dataclasses import dataclass

from handstamp.errors import TemporarilyUnavailable
from handstamp.forks import in_children
from handstamp.protocol.urls import host

__all__ = ["Breakers"]

FAILURES = 5
SHORTEST = 30.0
LONGEST = 120.0
"""Short enough that whoever waits for a server that is back does not wait for long."""
PROBE = 90.0
"""Seconds after which whoever was to ask is given up: longer than any refresh may take."""


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    begun: float = 0.0
    until: float = 0.0
    """Nobody asks from `begun` to `until`. A clock that is set back ends it."""


class Breakers:
    """One for each issuer. Safe to call from many threads. Times are seconds since 1970, UTC."""

    def __init__(self) -> None:
        self._breakers: dict[str, _Breaker] = {}
        self._begin_anew()
        in_children(self, Breakers._begin_anew)

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()

    def admit(self, issuer: str, now: float) -> None:
        """Who gets through asks, and tells what came of it. Raises TemporarilyUnavailable where nobody is to ask now."""
        with self._mutex:
            breaker = self._breakers.get(issuer)
            if breaker is None:
                return
            if breaker.begun <= now < breaker.until:
                wait = breaker.until - now
                raise TemporarilyUnavailable(
                    f"{host(issuer)} is out of order or busy; it is asked again in {wait:.0f} s.", retry_after=wait
                )
            if breaker.failures >= FAILURES:
                breaker.begun, breaker.until = now, now + PROBE

    def answered(self, issuer: str, *, since: float | None = None) -> None:
        """It did, whatever it said; to somebody else, who asked at the moment `since`."""
        with self._mutex:
            breaker = self._breakers.get(issuer)
            if breaker is not None and (since is None or since >= breaker.begun):
                del self._breakers[issuer]

    def failed(self, issuer: str, now: float, leave_alone: float | None = None) -> None:
        """It did not, or with a 5xx; and it may have said for how many seconds it wants to be left alone."""
        with self._mutex:
            breaker = self._breakers.setdefault(issuer, _Breaker())
            breaker.failures += 1
            beyond = breaker.failures - FAILURES
            rest = 0.0 if beyond < 0 else min(LONGEST, SHORTEST * 2 ** min(beyond, 10))
            breaker.begun, breaker.until = now, now + max(rest, leave_alone or 0.0)
