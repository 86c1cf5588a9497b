"""What a connection leads to, as plain values: whoever makes one knows settings and vault, a connection knows neither."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from handstamp.model import Secret

if TYPE_CHECKING:
    import httpx2

__all__ = ["HttpTarget", "ProgramTarget", "Target", "target_key"]


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A server behind a URL. Two are equal where the same settings made them: a change of settings makes a new connection."""

    name: str
    """What the person calls it; stands in sentences and in hints."""
    url: str
    account: str = "default"
    transport: Literal["http", "sse"] = "http"
    """Streamable HTTP, or the HTTP+SSE of 2024-11-05."""
    extensions: tuple[str, ...] = ()
    """Declared to the server as ours (A-145, A-161)."""
    enabled: bool = True
    fingerprint: str = ""
    """Of all settings that the client below is made from."""
    open_client: "Callable[[], httpx2.AsyncClient] | None" = field(default=None, compare=False, repr=False)
    """Makes the client that signs, guards and hides; one for each attempt to connect. None only in tests that connect nowhere."""


@dataclass(frozen=True, slots=True)
class ProgramTarget:
    """A server that is a program on this machine, spoken to over its stdin and stdout. Nobody signs in to it."""

    name: str
    command: tuple[str, ...]
    """The program and its arguments."""
    directory: Path | None = None
    enabled: bool = True
    fingerprint: str = ""
    read_environment: Callable[[], Mapping[str, str | Secret]] = field(default=dict, compare=False, repr=False)
    """Gives what it gets besides a bare environment, at each start. Raises SettingsError where a value is not in its place."""


Target = HttpTarget | ProgramTarget


def target_key(target: Target) -> str:
    """What it is called among others: its name, and the account where it is not the usual one."""
    match target:
        case HttpTarget(account=account) if account != "default":
            return f"{target.name} ({account})"
        case _:
            return target.name
