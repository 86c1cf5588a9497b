"""A vault of its own for a benchmark: real SQLite in a temporary directory, its key in the environment."""

import base64
import os
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from handstamp.callback.listener import open_callback
from handstamp.demo.visitor import Visitor
from handstamp.http.drive import Driver
from handstamp.http.guard import Guard
from handstamp.model import Grant, GrantKey, Named, Registration, RegistrationKind, Secret, Token
from handstamp.ports import GrantStore
from handstamp.settings import load_settings
from handstamp.stores.keys.environment import VARIABLE, EnvironmentKey
from handstamp.stores.sqlite import SqliteStore
from handstamp.vault import LOCAL_OWNER, Vault
from handstamp.wiring import Parts

__all__ = ["Home", "expired_token", "fresh_token", "grant_for", "temporary_home"]

NOT_INHERITED = ("HANDSTAMP_", "PYTHON_KEYRING_BACKEND", "PYTHONDONTWRITEBYTECODE")
"""What would let a process find another vault or another keychain, or compile our modules anew at each start."""


@dataclass(frozen=True, slots=True)
class Home:
    """State and configuration of one person."""

    path: Path
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())

    @property
    def key_bytes(self) -> bytes:
        return base64.b64decode(self.key)

    def store(self) -> SqliteStore:
        return SqliteStore(self.path, [EnvironmentKey({VARIABLE: self.key})])

    def vault(self, clock: Callable[[], float] = time.time, store: GrantStore | None = None) -> Vault:
        """As `Vault.open()` would make it, and with a clock and a store that may be others."""
        parts = Parts(
            store or self.store(),
            http=partial(open_driver, clock=clock),
            browser=Visitor,
            open_callback=open_callback,
            clock=clock,
        )
        return Vault(parts, load_settings(self.path))

    def configure(self, toml: str) -> None:
        (self.path / "servers.toml").write_text(toml, "utf-8")

    def environment(self) -> dict[str, str]:
        """For a process of its own that uses this vault."""
        return bare_environment(self.path) | {VARIABLE: self.key}


def bare_environment(path: Path) -> dict[str, str]:
    """The same without the key."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return inherited | {"HANDSTAMP_STATE_DIR": str(path), "HANDSTAMP_CONFIG_DIR": str(path)}


@contextmanager
def temporary_home() -> Generator[Home]:
    with TemporaryDirectory(prefix="handstamp-bench-") as directory:
        yield Home(Path(directory))


def open_driver(named: Named, clock: Callable[[], float] = time.time) -> Driver:
    """As `wiring` makes it."""
    return Driver(Guard(named).open_transport, clock=clock)


def fresh_token(access: str = "a-token-of-forty-characters-as-many-have", refresh: str = "a-refresh-token") -> Token:
    now = time.time()
    return Token(Secret(access), now, now + 3600, Secret(refresh))


def expired_token(family: str) -> Token:
    """The first of its family, as `rotating_authority` counts."""
    now = time.time()
    return Token(Secret("old"), now - 3700, now - 100, Secret(f"{family}.0"))


def grant_for(server: str, token: Token, *, issuer: str = "https://auth.example", account: str = "default") -> Grant:
    """As a login would have left it."""
    return Grant(
        key=GrantKey(LOCAL_OWNER, server, account, issuer),
        resource=server,
        scopes=("read", "write"),
        registration=Registration(issuer, RegistrationKind.PRE_REGISTERED, "bench", "http://127.0.0.1:5000/callback"),
        token=token,
        token_endpoint=f"{issuer}/token",
        granted_at=time.time(),
    )
