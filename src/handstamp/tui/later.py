"""Connections that begin once the first frame stands: what speaks MCP takes longer to load than the whole app."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from handstamp.hosts.answering import Answerer
from handstamp.hosts.connection import Host
from handstamp.hosts.target import Target

if TYPE_CHECKING:
    from handstamp.hosts.fleet import Fleet

__all__ = ["LaterFleet"]


class LaterFleet:
    """A fleet that is loaded in a thread, when it begins to run. What it is told to follow before that, it follows then."""

    def __init__(self, build_answerer: Callable[[], Answerer], on_change: Callable[[str], None]) -> None:
        self._build_answerer = build_answerer
        self._on_change = on_change
        self._fleet: Fleet | None = None
        self._targets: Sequence[Target] = ()

    @property
    def hosts(self) -> Mapping[str, Host]:
        return {} if self._fleet is None else self._fleet.hosts

    def follow(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        if self._fleet is not None:
            self._fleet.follow(targets)

    async def run(self) -> None:
        await asyncio.to_thread(import_module, "handstamp.hosts.fleet")
        from handstamp.hosts.fleet import Fleet

        self._fleet = Fleet(answerer=self._build_answerer(), on_change=self._on_change)
        self._fleet.follow(self._targets)
        await self._fleet.run()
