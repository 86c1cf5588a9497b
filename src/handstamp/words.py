"""How our programs say things: times, states, texts of other people."""

import time

from handstamp.model import Grant, GrantType, Status
from handstamp.protocol.text import harmless, safe

__all__ = [
    "DISABLED",
    "PROGRAM",
    "countdown",
    "future_words",
    "grant_members",
    "iso_time",
    "login_reason",
    "means_words",
    "one_line",
    "outlook",
    "renewal_words",
    "span",
    "status_words",
    "text_block",
    "who",
]

_STATUS = {
    Status.SIGNED_IN: ("● signed in", "green"),
    Status.RENEWS_SOON: ("◐ renews soon", "yellow"),
    Status.EXPIRED: ("◐ renews at next use", "yellow"),
    Status.RENEWAL_FAILING: ("◐ renewal fails", "yellow"),
    Status.NEEDS_LOGIN: ("○ needs login", "red"),
    Status.NOT_SIGNED_IN: ("○ not signed in", "dim"),
}
_MEANS = {
    GrantType.AUTHORIZATION_CODE: "a token by your sign-in",
    GrantType.CLIENT_CREDENTIALS: "a token for the client itself",
    GrantType.JWT_BEARER: "a token for the workload",
    GrantType.ID_JAG: "a token by your organisation's word",
}


PROGRAM = ("– program", "dim")
DISABLED = ("– disabled", "dim")
"""In the place of a status: nobody signs in to it; the person switched it off. Glyph and words, and their colour."""


def status_words(status: Status) -> tuple[str, str]:
    """Glyph and words, and their colour."""
    return _STATUS[status]


def iso_time(seconds: float | None) -> str | None:
    """ISO 8601 in UTC."""
    if seconds is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def span(seconds: float) -> str:
    """A length of time as a person says it: `40 s`, `59 min`, `23 h`, `6 days`."""
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"


def countdown(seconds: float) -> str:
    """What is left of a wait that somebody watches: `4:52`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02}"


def renewal_words(grant: Grant, now: float) -> str:
    """What becomes of the token next, to stand in a column or in brackets."""
    token, status = grant.token, Status.of(grant, now)
    if status is Status.NEEDS_LOGIN and not token.is_fresh(now):
        return "—"
    if token.expires_at is None:
        return "when refused"
    if status is Status.RENEWAL_FAILING:
        return (
            f"ended {span(now - token.expires_at)} ago" if token.expires_at <= now else f"ends in {span(token.expires_at - now)}"
        )
    renew_from = grant.renew_from()
    if renew_from is None:
        return f"ends in {span(token.expires_at - now)}"
    return "at next use" if renew_from <= now else f"in {span(renew_from - now)}"


def outlook(grant: Grant, now: float) -> str:
    """The same as part of a sentence: `renews in 59 min`, `ends in 3 min`."""
    words = renewal_words(grant, now)
    return words if words.startswith("ends") else f"renews {words}"


def future_words(grant: Grant, now: float) -> str:
    """A sentence about what becomes of the token."""
    token = grant.token
    if token.expires_at is None:
        return "The server does not say when it ends."
    renew_from = grant.renew_from()
    if renew_from is None:
        return f"It ends in {span(token.expires_at - now)} and cannot be renewed: then sign in again."
    return f"Renews by itself; next in {span(renew_from - now)}"


def means_words(grant_type: GrantType) -> str:
    """What a token is by that nobody signed in for."""
    return _MEANS[grant_type]


def login_reason(grant: Grant) -> str:
    """Why only a sign-in brings the next token of a grant that needs one."""
    if grant.refused is not None:
        return "The server no longer accepts the stored sign-in."
    if grant.is_forgotten:
        return "The server has forgotten this program's registration."
    return "This program's registration is at its end." if grant.renews else "The token has ended and cannot be renewed."


def who(grant: Grant) -> str | None:
    """Whose sign-in it is: what the server calls them, and our own label where it is not the only one."""
    identity = None if grant.identity is None else safe(grant.identity)
    if grant.key.account == "default":
        return identity
    return grant.key.account if identity is None else f"{grant.key.account} ({identity})"


def grant_members(grant: Grant) -> dict[str, object]:
    """A sign-in as JSON shows it, without its secrets."""
    return {
        "account": grant.key.account,
        "identity": grant.identity,
        "issuer": grant.key.issuer,
        "client": grant.registration.kind.value,
        "grant_type": grant.grant_type.value,
        "scopes": list(grant.scopes),
        "signed_in_at": iso_time(grant.granted_at),
        "expires_at": iso_time(grant.token.expires_at),
        "renews_at": iso_time(grant.renew_from()),
    }


def one_line(text: str, limit: int = 200) -> str:
    """Somebody else's text on one line."""
    return safe(" ".join(text.split()), limit)


def text_block(text: str) -> str:
    """Somebody else's text, whole, its lines and tabs kept and all other control characters escaped."""
    return "\n".join("\t".join(map(harmless, line.split("\t"))) for line in text.splitlines())
