"""
One of the eight processes of `storms.py`: does what it is told, under the design that it is told, and says what it took.

Each line of stdin is an `Order` in JSON, each line of stdout an `Outcome`.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from designs import DESIGNS, Design, open_design
from handstamp.vault import LOCAL_OWNER
from homes import Home, expired_token, grant_for
from started import tell

__all__ = ["TASKS", "Order", "Outcome"]

TASKS = 50
STEP = 3700.0
"""Seconds that the clock goes on at each expiry: a little more than a token lives."""


@dataclass(frozen=True, slots=True)
class Order:
    work: str
    """`expire`: 50 tasks ask for the token at once, an hour after the last time. `cycle`: lock, read, work, write."""
    design: str
    account: str
    begin_at: float
    """On the machine's monotonic clock: all eight at once."""
    cycles: int = 0
    seconds: float = 0.0
    """That the work of a cycle takes."""
    hours: int = 0
    """How far the clock is ahead: so many lives of a token."""


@dataclass(frozen=True, slots=True)
class Outcome:
    task_waits: list[float] = field(default_factory=list[float])
    """Seconds from the beginning to the token, of each task; of each cycle, beyond its work."""
    lock_waits: list[float] = field(default_factory=list[float])
    """Seconds of those who found the lock taken."""
    at_once: int = 0
    """Those who did not."""
    failed: int = 0
    ended_at: float = 0.0


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Contender:
    def __init__(self, home: Home, server: str) -> None:
        self._server = server
        self._clock = Clock()
        self._stores: dict[str, Design] = {name: open_design(name, home) for name in DESIGNS}
        self._vaults = {name: home.vault(self._clock, store) for name, store in self._stores.items()}

    async def warm_up(self, issuer: str, account: str) -> None:
        """One refresh alone under each design: all that is loaded at the first use is loaded."""
        for number, (name, vault) in enumerate(self._vaults.items()):
            store = self._stores[name]
            store.save_grant(grant_for(self._server, expired_token(f"{account}-{number}"), issuer=issuer, account=account))
            await vault.token(self._server, account=account)

    async def follow(self, order: Order) -> Outcome:
        store = self._stores[order.design]
        store.waits.forget()
        self._clock.ahead = order.hours * STEP
        outcome = await self._expire(order) if order.work == "expire" else self._cycle(order, store)
        return replace(outcome, lock_waits=store.waits.seconds, at_once=store.waits.at_once, ended_at=time.monotonic())

    async def _expire(self, order: Order) -> Outcome:
        await asyncio.sleep(order.begin_at - time.monotonic())
        waits = await asyncio.gather(*(self._ask(order) for _ in range(TASKS)))
        arrived = [wait for wait in waits if wait is not None]
        return Outcome(arrived, failed=len(waits) - len(arrived))

    async def _ask(self, order: Order) -> float | None:
        try:
            await self._vaults[order.design].token(self._server, account=order.account)
        except Exception as error:  # whatever it is, it is a failure
            sys.stderr.write(f"{order.design}: {type(error).__name__}: {error}\n")
            return None
        return time.monotonic() - order.begin_at

    def _cycle(self, order: Order, store: Design) -> Outcome:
        found = store.find_grant(LOCAL_OWNER, self._server, order.account)
        assert found is not None
        time.sleep(max(0.0, order.begin_at - time.monotonic()))
        waits: list[float] = []
        lost = 0
        for _ in range(order.cycles):
            began = time.monotonic()
            with store.lock(found.key):
                read = store.find_grant(LOCAL_OWNER, self._server, order.account)
                if order.seconds:
                    time.sleep(order.seconds)
                lost += read is None or store.replace_grant(read) is None
            waits.append(time.monotonic() - began - order.seconds)
        return Outcome(waits, failed=lost)


async def main(path: str, key: str, server: str, issuer: str, account: str) -> None:
    contender = Contender(Home(Path(path), key), server)
    await contender.warm_up(issuer, account)
    tell("ready")
    while line := sys.stdin.readline():
        outcome = await contender.follow(Order(**json.loads(line)))
        tell(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
