"""An event in JSON, for programs, and in a line, for people."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import cast

from handstamp.errors import account_hint
from handstamp.events import Adopted, Event, Failed, Login, NeedsLogin, Refreshed, Revoked
from handstamp.protocol.text import safe

__all__ = ["members", "sentence"]

COMMON = frozenset(field.name for field in fields(Event))
TIMES = frozenset(("at", "expires_at"))
LONGEST = 500
"""Characters of one value: what a server says may be long."""


def members(event: Event) -> dict[str, object]:
    """What docs/reference/json.md says. `next_step` is the command that helps, where a person is needed."""
    own = {field.name: getattr(event, field.name) for field in fields(event) if field.name not in COMMON}
    return {
        "version": 1,
        "event": event.kind,
        "at": _iso_time(event.at),
        "server": safe(event.name),
        "url": event.server,
        "owner": event.owner,
        "account": event.account,
        "issuer": event.issuer,
        **{name: _shown(name, value) for name, value in own.items()},
        "next_step": _next_step(event),
    }


def sentence(event: Event) -> str:
    """One line. It names no owner: a platform's may be a person's name."""
    account = "" if event.account == "default" else f" ({safe(event.account)})"
    return f"{safe(event.name)}{account} {_happened(event)}"


def _happened(event: Event) -> str:
    match event:
        case Login():
            return "is signed in"
        case Refreshed():
            return "was renewed"
        case Adopted():
            return "was renewed by another process"
        case Failed(message=message):
            return f"could not be renewed: {safe(message, LONGEST)}"
        case NeedsLogin(message=message):
            return f"needs you to sign in: {safe(message, LONGEST)}"
        case Revoked(confirmed=True):
            return "was signed out"
        case Revoked(reason=reason):
            return f"was forgotten here, and not revoked: {safe(reason or 'the server did not say why', LONGEST)}"
        case _:
            return event.kind


def _next_step(event: Event) -> str | None:
    return account_hint("login", server=event.name, account=event.account) if isinstance(event, NeedsLogin) else None


def _shown(name: str, value: object) -> object:
    match value:
        case str():
            return safe(value, LONGEST)
        case tuple():
            return list(cast("tuple[object, ...]", value))
        case int() | float() if name in TIMES:
            return _iso_time(value)
        case _:
            return value


def _iso_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
