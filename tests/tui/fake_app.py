"""The app over a real vault, whose connections stand as a test says."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

from authority import FormBrowser
from handstamp.hosts.connection import Host
from handstamp.hosts.target import Target
from handstamp.ports import Browser
from handstamp.tui.app import HandstampApp
from handstamp.vault import Vault
from tui.fake_hosts import NOON, FakeHost

__all__ = ["FakeFleet", "open_app"]


class FakeFleet:
    """Connects nowhere. `followed` is what it was told to follow."""

    def __init__(self, hosts: Sequence[FakeHost]) -> None:
        self._hosts: dict[str, Host] = {host.key: host for host in hosts}
        self.followed: list[Sequence[Target]] = []

    @property
    def hosts(self) -> Mapping[str, Host]:
        return self._hosts

    def follow(self, targets: Sequence[Target]) -> None:
        self.followed.append(targets)

    async def run(self) -> None:
        await anyio.sleep_forever()


def open_app(home: Path, hosts: Sequence[FakeHost], browser: Browser | None = None) -> HandstampApp:
    """In `home`, with a vault that is made when somebody signs in. It connects nowhere: `hosts` stand as they are."""
    vault = Vault.open(state=home / "state", config=home / "config", announce=lambda _: None)
    targets = [host.target for host in hosts]
    fleet = FakeFleet(hosts)
    app = HandstampApp(vault, lambda _: targets, browser or FormBrowser(), fleet=fleet, clock=lambda: NOON)
    app.animation_level = "none"
    return app
