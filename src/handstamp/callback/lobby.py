"""
Room for so many visitors who cost a connection and have no claim to it.

A browser sends its request within milliseconds of connecting, and takes the reply as fast. So when it gets full, whoever has been
here longest has to go: a crowd that connects and says nothing keeps nobody out, it shows itself out (TD9).
"""

from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

import anyio

__all__ = ["Lobby"]

T = TypeVar("T")


class Lobby:
    """For the tasks of one event loop."""

    def __init__(self, seats: int) -> None:
        self._seats = seats
        self._seated: deque[anyio.CancelScope] = deque()

    async def seat(self, stay: Awaitable[T]) -> T | None:
        """What `stay` gives; None where it had to make room for those who came later."""
        with anyio.CancelScope() as scope:
            self._seated.append(scope)
            if len(self._seated) > self._seats:
                self._seated.popleft().cancel()
            try:
                return await stay
            finally:
                with suppress(ValueError):  # its seat is taken
                    self._seated.remove(scope)
        return None
