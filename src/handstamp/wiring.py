"""The only place that picks adapters: which store, which keys, which HTTP, which browser."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from handstamp.errors import SettingsError
from handstamp.model import CallbackPlan, Registration, RegistrationKind, Secret, VaultPlace
from handstamp.ports import Browser, Callback, Clock, GrantStore, HttpRunner, OpenCallback, RandomBytes, SecretReader

if TYPE_CHECKING:
    from handstamp.errors import HandstampError
    from handstamp.protocol.exchange import Request, Response

__all__ = ["Observer", "Parts", "build_browser", "build_parts", "warn"]

Observer = Callable[["Request", "Response | HandstampError"], None]
"""Sees every request of ours and what came of it; secrets are masked by their type."""


class Parts:
    """
    The adapters of one vault, each made when it is first needed: a fresh token needs the store alone.

    Tests hand in their own.
    """

    def __init__(
        self,
        store: GrantStore,
        *,
        http: Callable[[], HttpRunner],
        browser: Callable[[], Browser],
        open_callback: OpenCallback,
        clock: Clock = time.time,
        random: RandomBytes = os.urandom,
        place: Callable[[], VaultPlace] = lambda: VaultPlace("memory", None),
    ) -> None:
        self.store = store
        self.http = http
        self.browser = browser
        self.open_callback = open_callback
        self.clock = clock
        self.random = random
        self.place = place
        self.read_secret: SecretReader = _SecretReader(store)


def build_parts(state: Path, *, announce: Callable[[str], None], observe: Observer | None = None) -> Parts:
    """SQLite in `state`, our HTTP driver, the system's browser, a loopback listener."""
    from handstamp.stores.keys import StandardProviders
    from handstamp.stores.sqlite import SqliteStore

    store = SqliteStore(state, StandardProviders(state, os.environ), announce=announce)
    file = state / "vault.db"
    return Parts(
        store,
        http=lambda: _build_http(observe),
        browser=build_browser,
        open_callback=_open_callback,
        # Asking the store makes a vault, and only a login should.
        place=lambda: VaultPlace(str(file), store.describe_key() if file.exists() else None),
    )


def _build_http(observe: Observer | None) -> HttpRunner:
    from handstamp.http.drive import Driver

    return Driver(observe=observe)


def build_browser() -> Browser:
    """The system's browser."""
    from handstamp.callback.browser import SystemBrowser

    return SystemBrowser()


def _open_callback(plan: CallbackPlan, accept: Callable[[str], bool]) -> AbstractAsyncContextManager[Callback]:
    from handstamp.callback.listener import open_callback

    return open_callback(plan, accept)


class _SecretReader:
    """Reads a client secret from where the person keeps it, anew each time: what is not kept cannot leak (W12)."""

    def __init__(self, store: GrantStore) -> None:
        self._store = store

    def __call__(self, owner: str, server: str, registration: Registration) -> Secret | None:
        if registration.kind is RegistrationKind.DYNAMIC or registration.client_secret_from is None:
            return registration.client_secret
        scheme, _, place = registration.client_secret_from.partition(":")
        match scheme:
            case "env":
                return _read_variable(place)
            case "file":
                return _read_file(Path(place))
            case _:
                return self._store.find_client_secret(owner, server, registration.client_id) or _missing("the vault")


def _read_variable(name: str) -> Secret:
    value = os.environ.get(name)
    return Secret(value) if value else _missing(f"the environment variable {name}")


def _read_file(path: Path) -> Secret:
    try:
        value = path.expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"Expected the client secret in {path}, got: {error}.") from error
    return Secret(value) if value else _missing(str(path))


def _missing(place: str) -> Secret:
    raise SettingsError(f"Expected the client secret in {place}, got nothing.")


def warn(text: str) -> None:
    """What a library says to a person whom it cannot see: through `logging`, and only when there is something to say."""
    if "handstamp.output" in sys.modules:
        return
    import logging

    logging.getLogger("handstamp").warning(text)
