"""Who is told of what happens to grants: the table `[events]`."""

from dataclasses import dataclass

from handstamp.errors import InsecureUrl, SettingsError, UsageError
from handstamp.events import KINDS, NeedsLogin
from handstamp.protocol.urls import require_secure
from handstamp.settings.table import Table

__all__ = ["EVENT_KEYS", "EventSettings", "parse_events", "require_webhook"]

EVENT_KEYS = ("command", "webhook", "webhook_headers", "kinds")
EVENT_KINDS = tuple(each.kind for each in KINDS)

ASKED_FOR = (NeedsLogin.kind,)
"""What a person is told unless they want more: what only they can mend."""


@dataclass(frozen=True, slots=True)
class EventSettings:
    """Who is told of what happens to grants, besides the program itself."""

    command: tuple[str, ...] = ()
    """A program and its arguments; empty for none."""
    webhook: str | None = None
    """An address, or where it stands: `env:NAME` or `file:PATH`."""
    webhook_headers: tuple[tuple[str, str], ...] = ()
    """As `ServerSettings.headers`; `Authorization` is the person's own here."""
    kinds: tuple[str, ...] = ASKED_FOR


def parse_events(top: Table) -> EventSettings | None:
    """Who a whole document wants to be told of events. Raises SettingsError with file and place."""
    if "events" not in top.values:
        return None
    table = top.below("events", EVENT_KEYS)
    try:
        settings = EventSettings(
            command=table.command("command"),
            webhook=_require_webhook(table.text("webhook")),
            webhook_headers=table.headers("webhook_headers", reserved=("host", "content-length")),
            kinds=table.choices("kinds", EVENT_KINDS) or ASKED_FOR,
        )
    except (UsageError, InsecureUrl) as error:
        raise SettingsError(f"{table.path}, [events]: {error.message}") from error
    if not settings.command and settings.webhook is None:
        raise SettingsError(f"Expected a command or a webhook at [events] in {table.path}, got neither.")
    return settings


def _require_webhook(value: str | None) -> str | None:
    if value is None or (value.startswith(("env:", "file:")) and value not in ("env:", "file:")):
        return value
    return require_webhook(value)


def require_webhook(url: str) -> str:
    """The address of a webhook. Raises InsecureUrl, which names no more of it than where it is: many hold a secret."""
    return require_secure(url, "webhook", near=url)
