"""
What the screens show and do, without a widget: the vault, the connections and the settings, put together.

Whatever touches the disk runs in a thread; whatever asks a server is awaited. A change of anybody's is found by `look`, which
costs a few microseconds where there is none: the vault counts its writes, and the settings have a time.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from handstamp.errors import HandstampError, SettingsError, UsageError
from handstamp.hosts.connection import Host
from handstamp.hosts.state import ConnectionState, ConnectionStatus
from handstamp.hosts.target import HttpTarget, Target, target_key
from handstamp.model import Grant, VaultPlace
from handstamp.ports import Browser, Clock, Presenter
from handstamp.settings import Configured, ServerSettings
from handstamp.settings_file import add_server, change_server, remove_server, set_enabled
from handstamp.standing import Standing, find_standings
from handstamp.tui.rows import Row
from handstamp.tui.sign_in import SignIn
from handstamp.vault import Vault

if TYPE_CHECKING:
    from handstamp.doctor import Diagnosis, Finding
    from handstamp.logout import LogoutReport

__all__ = ["WAITS_FOR_A_SIGN_IN", "Desk", "Fleet"]

WAITS_FOR_A_SIGN_IN = (ConnectionStatus.NEEDS_LOGIN, ConnectionStatus.NEEDS_MORE_ACCESS)


class Fleet(Protocol):
    """All connections."""

    @property
    def hosts(self) -> Mapping[str, Host]: ...
    def follow(self, targets: Sequence[Target]) -> None: ...
    async def run(self) -> None: ...


class Desk:
    """The rows, and what can be done to one. To be used in the event loop that `fleet` runs in."""

    def __init__(
        self, vault: Vault, fleet: Fleet, find_targets: Callable[[Vault], list[Target]], *, clock: Clock = time.time
    ) -> None:
        self.vault = vault
        self.clock = clock
        self.rows: Sequence[Row] = ()
        self.place: VaultPlace | None = None
        self.problem: HandstampError | None = None
        """What is wrong with the vault or the settings; what was read before stays."""
        self._fleet = fleet
        self._find_targets = find_targets
        self._targets: list[Target] = []
        self._standings: list[Standing] = []
        self._seen: tuple[object, ...] | None = None
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Keeps the connections until it is cancelled."""
        await self._fleet.run()

    async def look(self) -> bool:
        """Reads vault and settings where somebody has changed them since; whether anything is different."""
        async with self._looking:
            return await self._look()

    @property
    def is_looking(self) -> bool:
        """A disk may be slow."""
        return self._looking.locked()

    async def _look(self) -> bool:
        seen = await asyncio.to_thread(self._marks)
        if seen == self._seen:
            return False
        self._seen = seen
        await asyncio.to_thread(self._read)
        self._fleet.follow(self._targets)
        self._wake_those_that_wait()
        self.arrange()
        return True

    def arrange(self) -> None:
        """Puts the rows together anew, from what is known."""
        now = self.clock()
        self.rows = tuple(self._row(target, now) for target in self._targets)

    def host(self, key: str) -> Host | None:
        return self._fleet.hosts.get(key)

    def row(self, key: str | None) -> Row | None:
        return next((row for row in self.rows if row.key == key), None)

    async def sign_in(self, wanted: SignIn, presenter: Presenter, browser: Browser) -> Grant | None:
        """Signs in, as a person wants it; the connection takes it up at once."""
        try:
            return await self.vault.login(
                wanted.server,
                account=wanted.account,
                scopes=wanted.scopes,
                presenter=presenter,
                browser=browser,
                again=wanted.again,
            )
        finally:
            self._seen = None

    async def refresh(self, row: Row) -> Grant:
        """A new token, now."""
        return await self.vault.refresh(row.target.name, account=row.account)

    async def logout(self, row: Row) -> "list[LogoutReport]":
        """Revokes and forgets; the connection starts anew, without."""
        reports = await self.vault.logout(row.target.name, account=row.account)
        if (host := self.host(row.key)) is not None:
            host.retry()
        return reports

    async def set_enabled(self, row: Row, enabled: bool) -> None:
        """Switches it off, or on again."""
        await asyncio.to_thread(set_enabled, self.vault.settings, row.target.name, enabled)

    async def add(self, server: Configured) -> None:
        """Gives a server a name. Raises UsageError where the name is taken, SettingsError where the file cannot be written."""
        if server.name in self.vault.settings.configured:
            raise UsageError(f"Expected a new name, got {server.name}, which is there already: change that one.")
        await asyncio.to_thread(add_server, self.vault.settings, server)

    async def change(self, name: str, change: Callable[[Configured], Configured]) -> None:
        """Writes what `change` makes of a server's settings. Raises as `add` does."""
        await asyncio.to_thread(change_server, self.vault.settings, name, change)

    async def remove(self, row: Row) -> None:
        """Forgets name and settings, and a client secret that was typed for it. A sign-in stays."""
        await asyncio.to_thread(self._remove, row.target.name)

    def _remove(self, name: str) -> None:
        found = self.vault.settings.find_configured(name)
        # The vault first: if it cannot be opened, nothing has happened yet.
        if isinstance(found, ServerSettings) and found.client.client_secret_from == "vault":
            self.vault.forget_server(found)
        remove_server(self.vault.settings, name)

    async def examine(self, row: Row, on_finding: "Callable[[Finding], None]") -> "Diagnosis":
        """The doctor's findings, as they come."""
        return await self.vault.doctor(row.target.name, account=row.account, on_finding=on_finding)

    def configured(self, row: Row) -> Configured | None:
        return self.vault.settings.configured.get(row.target.name)

    def _marks(self) -> tuple[object, ...]:
        try:
            written: int | str = self.vault.data_version()
        except HandstampError as error:
            written = error.message
        return (written, *_stamp(self.vault.settings.path))

    def _read(self) -> None:
        self.problem = None
        try:
            self.vault.reload()
        except SettingsError as error:
            self.problem = error
        try:
            self._standings = find_standings(self.vault, None)
            self.place = self.vault.place()
        except HandstampError as error:
            self.problem = self.problem or error
        self._targets = self._find()

    def _find(self) -> list[Target]:
        try:
            return self._find_targets(self.vault)
        except HandstampError as error:
            self.problem = self.problem or error
            return self._targets

    def _wake_those_that_wait(self) -> None:
        """Somebody may have signed in elsewhere."""
        for row in map(self.row, list(self._fleet.hosts)):
            before = None if row is None else row.grant
            host = None if row is None else self.host(row.key)
            if row is None or host is None or host.state.status not in WAITS_FOR_A_SIGN_IN:
                continue
            now = self._row(row.target, self.clock()).grant
            if now is not None and (before is None or now.generation != before.generation) and now.refused is None:
                host.retry()

    def _row(self, target: Target, now: float) -> Row:
        host = self._fleet.hosts.get(target_key(target))
        state = ConnectionState(ConnectionStatus.STARTING, now) if host is None else host.state
        if not target.enabled:
            state = replace(state, status=ConnectionStatus.DISABLED)
        if not isinstance(target, HttpTarget):
            return Row(target, state)
        same = [each for each in self._standings if each.server.name == target.name and each.key is not None]
        return Row(
            target,
            state,
            tuple(each for each in same if each.account == target.account),
            tuple(each for each in same if each.account != target.account),
            is_configured=target.name in self.vault.settings.servers,
        )


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        status = path.stat()
    except OSError:
        return (None,)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
