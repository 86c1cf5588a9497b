"""When a connection is tried again, and how many are begun at once."""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import anyio.abc

__all__ = ["Pace", "Turns", "find_delay"]

FIRST_SECONDS = 1.0
MOST_SECONDS = 60.0
TURNS = 16
TURN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Time and chance, for a connection."""

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    random: Callable[[], float] = random.random


def find_delay(tries: int, chance: float, wanted: float) -> float:
    """
    Seconds until the next try after `tries` that failed, at least `wanted`.

    Full jitter: a server that comes back is not met by everybody at once.
    """
    return wanted + chance * min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(tries, 10))


class Turns:
    """
    Sixteen connections are begun at once: each costs a handshake of TLS or the start of a program, and all together would keep
    the screen waiting. Who is not done within a second goes on beside them: servers that hang are in nobody's way.
    """

    def __init__(self, tasks: anyio.abc.TaskGroup, *, turns: int = TURNS, seconds: float = TURN_SECONDS) -> None:
        self._tasks = tasks
        self._free = anyio.Semaphore(turns)
        self._seconds = seconds

    async def take(self) -> Callable[[], None]:
        """Waits for a turn, and gives what ends it."""
        await self._free.acquire()
        is_over = False

        def end() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                self._free.release()

        self._tasks.start_soon(self._end_later, end)
        return end

    async def _end_later(self, end: Callable[[], None]) -> None:
        await anyio.sleep(self._seconds)
        end()
