"""How a connection stands, why, and what a person can do about it."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["ConnectionState", "ConnectionStatus"]


class ConnectionStatus(Enum):
    """
    A connection as a person sees it.

    Only what a server says about signing in makes `NEEDS_LOGIN` or `NEEDS_MORE_ACCESS`: a time-out, a 503 or a plain 403 never
    does (W5, W17).
    """

    DISABLED = "disabled"
    """Switched off in the settings: nothing is connected to, nothing is asked for."""
    STARTING = "starting"
    """On its way, for the first time or again."""
    CONNECTED = "connected"
    NEEDS_LOGIN = "needs_login"
    """A person has to sign in. Waits for that without asking the server again."""
    NEEDS_MORE_ACCESS = "needs_more_access"
    """Connected; the last call needs scopes that were not granted (A-112)."""
    UNREACHABLE = "unreachable"
    """Nobody said no. Tried again by itself, at `retry_at`."""
    ERROR = "error"
    """The server, the program or the settings are wrong, and trying again will not help: a person has to change something."""


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """One moment of a connection. Times are seconds since 1970, UTC."""

    status: ConnectionStatus
    since: float
    reason: str | None = None
    """A sentence for a person, fit to be shown; None where the status says it all."""
    next_step: str | None = None
    """The one command that helps."""
    scopes: tuple[str, ...] = ()
    """What to ask for, where more access is needed."""
    retry_at: float | None = None
    """When it is tried again by itself."""
