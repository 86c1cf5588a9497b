"""
A login that a request starts, because its auth object was given a presenter.

One login for all requests that need it at once: whoever comes while it runs joins it, whoever comes later finds its outcome, and
after one that failed a while passes without another (W4, TC11). It runs in a thread of its own, with an event loop of its own:
the requests that wait may belong to any.
"""

import threading
from collections.abc import Callable
from copy import copy

from handstamp.errors import HandstampError, LoginRequired, hint
from handstamp.flight import Flight
from handstamp.model import Token
from handstamp.ports import Clock
from handstamp.source import TokenSource

__all__ = ["OnDemandLogin"]

PATIENCE = 600.0
"""Seconds that a request waits for a login: longer than a login may take."""
COOLDOWN = 60.0
"""Seconds after a failed login in which no other is started."""


class OnDemandLogin:
    """
    Fulfils `http.auth.Interactive`. `login` blocks until the person has signed in, and raises what a login raises.

    Both methods are told the token that the server has just refused, or None where there was none to send.
    """

    def __init__(
        self, name: str, source: TokenSource, login: Callable[[], object], has_moved: Callable[[], bool], clock: Clock
    ) -> None:
        """`has_moved`: whether the server names other authorization servers now than the one that gave the stored grant."""
        self._name = name
        self._source = source
        self._login = login
        self._has_moved = has_moved
        self._clock = clock
        self._mutex = threading.Lock()  # guards the two below
        self._flight: Flight[Token] | None = None
        self._failed: tuple[float, HandstampError] | None = None

    def blocking(self, rejected: Token | None) -> Token:
        """A token, after a login if that is needed; blocks meanwhile."""
        return self._board(rejected).join(PATIENCE)

    async def awaiting(self, rejected: Token | None) -> Token:
        """The same for a task."""
        return await self._board(rejected).join_async(PATIENCE)

    def _board(self, rejected: Token | None) -> Flight[Token]:
        with self._mutex:
            if self._failed is not None and 0 <= self._clock() - self._failed[0] < COOLDOWN:
                # A copy: one object, raised a thousand times, would grow by a traceback each time.
                raise copy(self._failed[1]).with_traceback(None)
            if self._flight is None or not self._flight.board():
                self._flight = Flight(lambda _: self._run(rejected), name="handstamp-login").start()
            return self._flight

    def _run(self, rejected: Token | None) -> Token:
        token = self._stored_token()
        if token is not None and (rejected is None or token.access_token != rejected.access_token):
            return token
        is_young = rejected is not None and 0 <= self._clock() - rejected.obtained_at < COOLDOWN
        try:
            if is_young and not self._has_moved():
                command = hint("login", server=self._name)
                raise LoginRequired(f"{self._name} answers 401 to a token that it has just given.", hint=command)
            self._login()
        except HandstampError as error:
            self._failed = (self._clock(), error)
            raise
        return self._source.token()

    def _stored_token(self) -> Token | None:
        """What an earlier login brought, or another process."""
        try:
            return self._source.token()
        except LoginRequired:
            return None
