"""
What happens to grants, as it happens: for logs, screens, metrics and monitors.

    events              when
    Login               a person has signed in, or a program got its first grant
    Refreshed           this process renewed a token
    Adopted             another process did, and its token is used from now on
    Failed              an attempt to renew brought nothing; the grant is as it was
    NeedsLogin          only a person can go on: told once, by the process that found out
    Revoked             a person signed out

An event holds no secret and nothing that a server says about a person. It says which grant: `owner` and `account` are the
caller's own labels, and a platform's may tell who somebody is, so whoever counts events counts without them (TH9).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypedDict

__all__ = [
    "KINDS",
    "About",
    "Adopted",
    "Emit",
    "Event",
    "Failed",
    "Listener",
    "Login",
    "NeedsLogin",
    "Refreshed",
    "Revoked",
    "ignore",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to one grant. Times are seconds since 1970, UTC."""

    kind: ClassVar[str]
    """Stable, for logs and JSON."""

    at: float
    owner: str
    server: str
    """The MCP server's URL, canonical."""
    account: str
    name: str
    """What the person calls the server."""
    issuer: str | None = None
    """None where no grant was stored yet."""


class About(TypedDict):
    """What all events say."""

    at: float
    owner: str
    server: str
    account: str
    name: str
    issuer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login(Event):
    """Somebody signed in."""

    kind = "login"

    scopes: tuple[str, ...]
    expires_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed(Event):
    """A new token is stored."""

    kind = "refreshed"

    expires_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Event):
    """A token that another process stored takes the place of the one that was used here."""

    kind = "adopted"

    expires_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """An attempt to renew brought no token. Whether the old one still serves, the next request shows."""

    kind = "failed"

    code: str
    """Of the error: `timed_out`, `temporarily_unavailable`, `store_unreachable` …"""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsLogin(Event):
    """The server will not renew any more. Until the token ends it is used; then a person has to sign in."""

    kind = "needs_login"

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked(Event):
    """The grant is forgotten here."""

    kind = "revoked"

    confirmed: bool
    """Whether the server said that it has ended the token, too."""
    reason: str | None = None
    """Why not."""


KINDS: tuple[type[Event], ...] = (Login, Refreshed, Adopted, Failed, NeedsLogin, Revoked)
"""All that there are."""

Emit = Callable[[Event], None]
"""Takes an event, from any thread. Does not raise, and does not wait."""

Listener = Callable[[Event], object]
"""Hears of an event, in a thread of its own, and may do whatever it likes."""


def ignore(event: Event) -> None:
    """For whoever has no listener."""
