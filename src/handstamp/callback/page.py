"""
The page on which a login ends in the browser: what came of it, and that the terminal goes on from here.

Pure: an `Outcome` in, bytes and headers out. The page names the server, since several logins may be under way; it holds no
script, loads nothing and is allowed nothing else (TD7). Whatever came from a server is cut, cleared of characters that hide or
turn text, and escaped.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from handstamp.model import LoginFailed, SignedIn

__all__ = ["AlreadyFinished", "NotThisLogin", "Outcome", "headers", "render", "status"]


@dataclass(frozen=True, slots=True)
class AlreadyFinished:
    """The tab belongs to a login that has had its answer."""


@dataclass(frozen=True, slots=True)
class NotThisLogin:
    """The visit has not the state of the login that waits here."""


Outcome = SignedIn | LoginFailed | AlreadyFinished | NotThisLogin

MAX_NAME = 80
MAX_WORDS = 300
MAX_SCOPE = 40
MAX_SCOPES = 6

CHECK = ("M 88 150 l 11 11.500 l 21 -25", "M9.500 16.500l4.500 5l8.500-10.500")
CROSS = ("M 92 136 l 24 24 m 0 -24 l -24 24", "M11 11l10 10M21 11l-10 10")
BAR = ("M 89 148 h 30", "M10 16h12")


@dataclass(frozen=True, slots=True)
class _Content:
    """What differs from page to page. Markup, but for `title` and `legend`."""

    name: str
    title: str
    legend: str
    """Runs around the stamp; about 34 letters close the ring."""
    glyph: tuple[str, str]
    heading: str
    lines: tuple[str, ...]


def status(outcome: Outcome) -> int:
    """The HTTP status under which the page is served."""
    match outcome:
        case SignedIn():
            return 200
        case AlreadyFinished():
            return 410
        case LoginFailed() | NotThisLogin():
            return 400


def headers() -> list[tuple[str, str]]:
    """What goes with every page: nothing runs, nothing loads, nobody frames it, nothing keeps it or tells where it was."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    allowed = f"style-src 'sha256-{digest}'; img-src data:"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ]


def render(outcome: Outcome) -> bytes:
    """The page, UTF-8."""
    content = _describe(outcome)
    glyph, icon = content.glyph
    page = _template().substitute(
        style=_style(),
        name=content.name,
        title=f"{_text(content.title, MAX_WORDS)} · Handstamp",
        icon=icon,
        legend=content.legend,
        glyph=glyph,
        heading=content.heading,
        lines="\n".join(content.lines),
    )
    return page.encode()


def _describe(outcome: Outcome) -> _Content:
    match outcome:
        case SignedIn():
            return _describe_signed_in(outcome)
        case LoginFailed():
            return _describe_failed(outcome)
        case AlreadyFinished():
            heading = "This sign-in is already finished."
            lines = (_next("You can close this tab and return to your terminal."),)
            return _Content("finished", heading, "USED · USED · USED · USED · USED · ", BAR, heading, lines)
        case NotThisLogin():
            heading = "This is not the sign-in that is under way."
            lines = (_next("Nothing has changed. Open the link that your terminal shows."),)
            return _Content("stranger", heading, "NO ENTRY · NO ENTRY · NO ENTRY · ", BAR, heading, lines)


def _describe_signed_in(outcome: SignedIn) -> _Content:
    who = f"as {_name(outcome.identity)}" if outcome.identity else ""
    facts = " · ".join(filter(None, (who, _list_scopes(outcome.scopes))))
    return _Content(
        name="signed-in",
        title=f"Signed in to {outcome.server}",
        legend="SIGNED IN · HANDSTAMP · SIGNED IN · ",
        glyph=CHECK,
        heading=f"Signed in to {_name(outcome.server)}",
        lines=(*_detail(facts), _next("You can close this tab and return to your terminal.")),
    )


def _describe_failed(outcome: LoginFailed) -> _Content:
    code = f"<code>{_text(outcome.error, MAX_NAME)}</code>"
    words = f" — {_text(outcome.description, MAX_WORDS)}" if outcome.description else ""
    command = (
        f"Run <code>{_text(outcome.command, MAX_WORDS)}</code> to try again." if outcome.command else "Your terminal says more."
    )
    return _Content(
        name="failed",
        title=f"{outcome.server} did not sign you in",
        legend="NOT SIGNED IN · NOT SIGNED IN · ",
        glyph=CROSS,
        heading=f"{_name(outcome.server)} did not sign you in",
        lines=(*_detail(code + words), _next(command)),
    )


def _list_scopes(scopes: Sequence[str]) -> str:
    shown = ", ".join(_text(scope, MAX_SCOPE) for scope in scopes[:MAX_SCOPES])
    more = len(scopes) - MAX_SCOPES
    return f"{shown} and {more} more" if more > 0 else shown


def _detail(markup: str) -> tuple[str, ...]:
    return (f'<p class="detail">{markup}</p>',) if markup else ()


def _next(markup: str) -> str:
    return f'<p class="next">{markup}</p>'


def _name(value: str) -> str:
    # A name in another script keeps its own direction and leaves ours alone.
    return f"<bdi>{_text(value, MAX_NAME)}</bdi>"


def _text(value: str, limit: int) -> str:
    shown = value if len(value) <= limit else value[: limit - 1] + "…"
    return escape("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in shown))


@cache
def _template() -> Template:
    return Template(files("handstamp.callback").joinpath("page.html").read_text("utf-8"))


@cache
def _style() -> str:
    return files("handstamp.callback").joinpath("page.css").read_text("utf-8")
