"""`handstamp` with no arguments: opens the vault, then the app over it."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from handstamp.errors import HandstampError
from handstamp.output import Output
from handstamp.ports import AskSecret
from handstamp.tui.app import HandstampApp
from handstamp.tui.hidden import Hidden
from handstamp.vault import Vault
from handstamp.wiring import build_browser

if TYPE_CHECKING:
    from handstamp.hosts.target import Target
    from handstamp.protocol.exchange import Request, Response

__all__ = ["main"]


def main(output: Output, ask: AskSecret | None) -> int:
    """Runs until the person leaves; gives the exit code. Raises SettingsError for a `servers.toml` that cannot be read."""
    hidden = Hidden()

    def observe(request: "Request", outcome: "Response | HandstampError") -> None:
        hidden.hide(request.secrets)

    def find(vault: Vault) -> "list[Target]":
        from handstamp.targets import find_targets

        return find_targets(vault, hidden.hide)

    with Vault.open(announce=lambda words: app.announce(words), observe=observe, ask=ask) as vault:
        app = HandstampApp(vault, find, build_browser(), version=_version(), hidden=hidden, signals=True)
        _unlock(vault, output)
        app.run()
    return app.return_code or 0


def _unlock(vault: Vault, output: Output) -> None:
    """A passphrase is asked for here, while there is a terminal to type it at; what else is wrong is shown in the app."""
    try:
        vault.grants()
    except HandstampError as error:
        output.warn(error.message)


def _version() -> str:
    try:
        return version("handstamp")
    except PackageNotFoundError:
        return "(not installed)"
