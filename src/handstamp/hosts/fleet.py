"""All connections, side by side: what one of them meets is its own."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import anyio
import anyio.abc

from handstamp.hosts.answering import Answerer
from handstamp.hosts.connection import Host
from handstamp.hosts.life import CONNECT_SECONDS, LiveHost
from handstamp.hosts.pace import Pace, Turns
from handstamp.hosts.target import Target, target_key

__all__ = ["Fleet"]

END_SECONDS = 1.0
"""For all to take leave of their servers. A program that will not end takes half a second more."""


class Fleet:
    """
    The connections that somebody wants now. For one event loop.

    `on_change` hears the key of each connection that has changed, or is gone; it is called often, and has to be quick.
    """

    def __init__(
        self,
        *,
        answerer: Answerer,
        on_change: Callable[[str], None],
        pace: Pace | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._answerer = answerer
        self._on_change = on_change
        self._pace = pace or Pace()
        self._connect_seconds = connect_seconds
        self._hosts: dict[str, LiveHost] = {}
        self._tasks: anyio.abc.TaskGroup | None = None
        self._turns: Turns | None = None
        self._ending = anyio.Event()

    @property
    def hosts(self) -> Mapping[str, Host]:
        """By `target_key`, in the order of what `follow` was given last."""
        return MappingProxyType(self._hosts)

    def follow(self, targets: Sequence[Target]) -> None:
        """From now on these, and no others: new ones start, those whose settings differ start anew, what is not named ends."""
        wanted = {target_key(target): target for target in targets}
        before, self._hosts = self._hosts, {}
        for key, target in wanted.items():
            kept = before.get(key)
            if kept is not None and kept.target == target:
                self._hosts[key] = before.pop(key)
            else:
                self._hosts[key] = self._begin(target)
        for key, host in before.items():
            host.leave()
            self._on_change(key)

    async def run(self) -> None:
        """Connects, and stays so until it is cancelled. Ends every connection then, within two seconds."""
        async with anyio.create_task_group() as outer:
            outer.start_soon(self._notice_end)
            # Cancelled from above, the connections would end without a word to their servers.
            with anyio.CancelScope(shield=True):
                async with anyio.create_task_group() as tasks:
                    self._tasks, self._turns = tasks, Turns(tasks)
                    for host in self._hosts.values():
                        tasks.start_soon(host.run, self._turns)
                    try:
                        await self._ending.wait()
                    finally:
                        self._tasks = None
                        await self._end(tasks)

    async def _notice_end(self) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            self._ending.set()

    async def _end(self, tasks: anyio.abc.TaskGroup) -> None:
        for host in self._hosts.values():
            host.leave()
        with anyio.move_on_after(END_SECONDS):
            for host in self._hosts.values():
                await host.done.wait()
        tasks.cancel_scope.cancel()

    def _begin(self, target: Target) -> LiveHost:
        host = LiveHost(
            target,
            answerer=self._answerer,
            on_change=self._on_change_of(target),
            pace=self._pace,
            connect_seconds=self._connect_seconds,
        )
        if self._tasks is not None:
            self._tasks.start_soon(host.run, self._turns)
        return host

    def _on_change_of(self, target: Target) -> Callable[[str], None]:
        """A connection that has been replaced speaks for nobody any more."""

        def tell(key: str) -> None:
            current = self._hosts.get(key)
            if current is not None and current.target is target:
                self._on_change(key)

        return tell
