"""One run of the program. Knows nothing of click, which is half of what `handstamp token` would cost."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handstamp.output import Output

if TYPE_CHECKING:
    from handstamp.errors import HandstampError
    from handstamp.ports import AskSecret
    from handstamp.protocol.exchange import Request, Response
    from handstamp.vault import Vault
    from handstamp.wiring import Observer

__all__ = ["Session"]


@dataclass(slots=True)
class Session:
    """What the command line said for all commands, and the vault that they share."""

    output: Output
    verbose: bool = False
    command: str | None = None
    """Its name, once the command line has been read so far."""

    @contextmanager
    def vault(self) -> "Generator[Vault]":
        """The vault of this machine, with a person to talk to; `-v` shows them every authorization request."""
        from handstamp.vault import Vault

        with Vault.open(announce=self.output.say, observe=self.build_observer(), ask=self.ask) as vault:
            yield vault

    @property
    def ask(self) -> "AskSecret | None":
        """Asks for a passphrase, where somebody can read the question."""
        return self.output.ask_secret if self.output.is_conversation else None

    def build_observer(self) -> "Observer":
        """Whatever a request bore is masked from then on, and in its own trace first of all."""
        trace = None
        if self.verbose:
            from handstamp.cli.trace import Trace

            trace = Trace(self.output)

        def observe(request: "Request", outcome: "Response | HandstampError") -> None:
            self.output.hide(request.secrets)
            if trace is not None:
                trace.observe(request, outcome)

        return observe
