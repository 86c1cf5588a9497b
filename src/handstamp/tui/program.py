"""`handstamp` with no arguments: opens the vault, then the app over it."""

import gc
from contextlib import suppress
from typing import TYPE_CHECKING

from handstamp.errors import HandstampError
from handstamp.ports import AskSecret
from handstamp.tui.followed import find_followed
from handstamp.tui.hidden import Hidden
from handstamp.vault import Vault
from handstamp.wiring import build_browser

if TYPE_CHECKING:
    from handstamp.hosts.target import Target
    from handstamp.protocol.exchange import Request, Response

__all__ = ["main"]


def main(ask: AskSecret | None) -> int:
    """Runs until the person leaves; gives the exit code. Raises SettingsError for a `servers.toml` that cannot be read."""
    # Nothing is garbage yet: looking for it would take a fifth of the time to the first frame. From then on the app has it done.
    gc.disable()
    try:
        return _run(ask)
    finally:
        gc.enable()


def _run(ask: AskSecret | None) -> int:
    from handstamp.tui.app import HandstampApp

    hidden = Hidden()

    def observe(request: "Request", outcome: "Response | HandstampError") -> None:
        hidden.hide(request.secrets)

    def find(vault: Vault) -> "list[Target]":
        return find_followed(vault, hidden.hide)

    def announce(words: str) -> None:
        app.announce(words)

    with Vault.open(announce=announce, observe=observe, ask=ask) as vault:
        app = HandstampApp(vault, find, build_browser(), hidden=hidden, signals=True)
        _unlock(vault)
        app.run()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def _unlock(vault: Vault) -> None:
    """A passphrase is asked for here, while there is a terminal to type it at; what is wrong with the vault the app shows."""
    with suppress(HandstampError):
        vault.grants()
