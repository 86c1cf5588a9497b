"""What a connected server offers, kept as it is now: listed once, and again whenever the server says that it has changed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio

from handstamp.errors import LoginRequired, NetworkError, StepUpRequired
from handstamp.hosts.catalogue import Catalogue
from handstamp.hosts.connecting import Link
from handstamp.hosts.listing import KINDS, find_offered, list_all
from handstamp.hosts.pace import Pace, find_delay
from handstamp.words import one_line

__all__ = ["Follower"]

LIST_SECONDS = 60.0
"""For one kind, all pages of it."""
CALM_SECONDS = 0.5
"""Between two listings: a server may tell of a hundred changes at once."""


class Follower:
    """For one connection. `on_catalogue` hears the whole catalogue at each change."""

    def __init__(self, link: Link, pace: Pace, on_catalogue: Callable[[Catalogue], None]) -> None:
        self._link = link
        self._pace = pace
        self._on_catalogue = on_catalogue
        self._catalogue = Catalogue()
        self._problems: dict[str, str] = {}
        self._offered = find_offered(link.client.server_capabilities)
        self._stale = set(self._offered)
        self._changed = anyio.Event()
        self._changed.set()

    def hear(self, message: object) -> None:
        """A message of the server's that may say that something has changed."""
        from mcp_types import PromptListChangedNotification, ResourceListChangedNotification, ToolListChangedNotification

        match message:
            case ToolListChangedNotification():
                self._mark("tools")
            case PromptListChangedNotification():
                self._mark("prompts")
            case ResourceListChangedNotification():
                self._mark("resources", "templates")
            case _:
                return

    async def list(self) -> None:
        """Lists what has changed, for ever. Raises a NetworkError or LoginRequired; what else goes wrong is a problem noted."""
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            for kind in [each for each in KINDS if each in self._stale]:
                self._stale.discard(kind)
                await self._list(kind)
            await self._pace.sleep(CALM_SECONDS)

    async def listen(self) -> None:
        """2026-07-28: asks to be told of changes, and again where that ends. Servers before tell by themselves."""
        from mcp import MCPError
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
        from mcp_types import METHOD_NOT_FOUND
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        tells = self._offered
        if not any(tells.values()) or self._link.client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return
        tries = 0
        while True:
            try:
                async with self._link.client.listen(
                    tools_list_changed=tells.get("tools", False),
                    prompts_list_changed=tells.get("prompts", False),
                    resources_list_changed=tells.get("resources", False),
                ) as subscription:
                    if tries:
                        self._mark(*self._offered)  # what was told meanwhile was told to nobody
                    async for _ in subscription:
                        tries = 0  # `hear` has been told too
            except ListenNotSupportedError:
                return
            except (MCPError, SubscriptionLost, TimeoutError) as error:
                self._raise_if_lost(error)
                if isinstance(error, MCPError) and error.code == METHOD_NOT_FOUND:
                    return
            tries += 1
            await self._pace.sleep(find_delay(tries, self._pace.random(), 0.0))

    def _raise_if_lost(self, error: Exception) -> None:
        failure = self._link.find_failure(error)
        if failure is not None and isinstance(ours := self._link.explain(failure), NetworkError | LoginRequired):
            raise ours from error

    async def _list(self, kind: str) -> None:
        try:
            with anyio.fail_after(LIST_SECONDS):
                listed = await list_all(self._link.client, kind)
        except TimeoutError:
            self._put(kind, (), f"Its {kind} could not be listed: no answer came within {LIST_SECONDS:.0f} s.")
        except Exception as error:
            ours = self._link.explain(error)
            if isinstance(ours, NetworkError | LoginRequired) and not isinstance(ours, StepUpRequired):
                raise ours from error
            self._put(kind, (), f"Its {kind} could not be listed: {one_line(str(ours), 500)}")
        else:
            self._put(kind, listed.items, listed.problem)

    def _put(self, kind: str, items: tuple[Any, ...], problem: str | None) -> None:
        self._problems.pop(kind, None)
        if problem is not None:
            self._problems[kind] = problem
        changes: dict[str, Any] = {kind: items, "problems": tuple(self._problems.values())}
        self._catalogue = replace(self._catalogue, **changes)
        self._on_catalogue(self._catalogue)

    def _mark(self, *kinds: str) -> None:
        self._stale.update(kind for kind in kinds if kind in self._offered)
        self._changed.set()
