"""One machine with a person at it, on real parts: SQLite, sockets, the loopback listener, and a browser that walks the pages."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import anyio
import httpx2

from authority import Authority, FormBrowser
from commands import Home
from handstamp.model import Grant, LoginPrompt, Secret
from handstamp.ports import Browser, Presenter
from handstamp.vault import Vault

__all__ = ["WHOAMI", "Machine", "NoBrowser", "Person", "TravellingClock"]

WHOAMI: dict[str, object] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "whoami", "arguments": {}},
}
Hook = Callable[[httpx2.Response], object]


class TravellingClock:
    """The real time, and what a test has added to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def move(self, seconds: float) -> None:
        self.ahead += seconds


class NoBrowser:
    """A machine that has none."""

    def open(self, url: str) -> bool:
        return False


class Person:
    """A `Presenter` who agrees to everything, once `before` has run, in a thread. `asked` counts the sign-ins offered."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self.asked = 0
        self._before = before

    async def confirm(self, question: str) -> bool:
        return True

    async def prompt(self, prompt: LoginPrompt) -> bool:
        self.asked += 1
        await anyio.to_thread.run_sync(self._before)
        return True

    async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
        return None

    async def rejected(self, reason: str) -> None:
        pass

    async def saving(self) -> None:
        pass

    async def noted(self, note: str) -> None:
        pass


@dataclass
class Machine:
    """What one person's programs share. Each `vault()` is a new one over the same files, as another process would have."""

    home: Home
    browser: FormBrowser
    clock: TravellingClock = field(default_factory=TravellingClock)
    opened: list[Vault] = field(default_factory=list[Vault])

    def vault(self, browser: Browser | None = None) -> Vault:
        vault = self.home.vault()
        vault._parts.clock, vault._parts.read_uptime = self.clock, lambda: None
        vault._parts.browser = lambda: browser or self.browser
        self.opened.append(vault)
        return vault

    def sign_in(self, site: Authority, *, again: bool = False) -> Vault:
        """A vault whose grant is new."""
        vault = self.vault()
        assert vault.sync.login(site.server_url, again=again) is not None
        return vault

    def stored(self, site: Authority) -> Grant:
        grant = self.vault().grant(site.server_url)
        assert grant is not None
        return grant

    def expire(self, site: Authority) -> Grant:
        """The stored token ended an hour ago, by the clock alone: other processes see it too."""
        vault, grant = self.vault(), self.stored(site)
        token = replace(
            grant.token, obtained_at=grant.token.obtained_at - 7200, expires_at=time.time() - 3600, obtained_uptime=None
        )
        return vault._parts.store.save_grant(replace(grant, token=token))

    def close(self) -> None:
        for vault in self.opened:
            vault.close()


def call(vault: Vault, url: str, *, presenter: Presenter | None = None, on_answer: Hook = lambda _: None) -> int:
    """The status of one tool call through a client of the caller's own. `on_answer` sees every answer, refused ones too."""
    hooks = {"response": [on_answer]}
    with httpx2.Client(auth=vault.auth(url, presenter=presenter), trust_env=False, event_hooks=hooks) as client:
        return client.post(url, json=WHOAMI).status_code


def reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
