"""One run of the program. Knows nothing of click, which is half of what `handstamp token` would cost."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handstamp.output import Output

if TYPE_CHECKING:
    from handstamp.vault import Vault

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

        observe = None
        if self.verbose:
            from handstamp.cli.trace import Trace

            observe = Trace(self.output).observe
        with Vault.open(announce=self.output.say, observe=observe) as vault:
            yield vault
