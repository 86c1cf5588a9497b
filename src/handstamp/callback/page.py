"""
The page on which a login ends in the browser: what came of it, and that the terminal goes on from here.

Pure: an `Outcome` in, bytes and headers out. The page names the server, since several logins may be under way; it holds no
script, loads nothing and is allowed nothing else (TD7). Whatever came from a server is cut, shows characters that hide or turn
text as their escapes, and is escaped for HTML.
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
from handstamp.protocol.text import safe

__all__ = ["AlreadyFinished", "NotThisLogin", "Outcome", "headers", "render", "status"]


@dataclass(frozen=True, slots=True)
class AlreadyFinished:
    """The tab belongs to a login that has had its answer."""


@dataclass(frozen=True, slots=True)
class NotThisLogin:
    """The visit has not the state of the login that waits here."""


Outcome = SignedIn | LoginFailed | AlreadyFinished | NotThisLogin

MAX_NAME = 64
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
            title = "This sign-in is already finished."
            lines = (_next("You can close this tab and return to your terminal."),)
            return _Content("finished", title, "USED · USED · USED · USED · USED · ", BAR, _unbroken(title), lines)
        case NotThisLogin():
            title = "This is not the sign-in that is under way."
            lines = (_next("Nothing has changed. Open the link that your terminal shows."),)
            return _Content("stranger", title, "NO ENTRY · NO ENTRY · NO ENTRY · ", BAR, _unbroken(title), lines)


def _describe_signed_in(outcome: SignedIn) -> _Content:
    who = f"as {_name(outcome.identity)}" if outcome.identity else ""
    access = f'<span class="label">access</span> {_list_scopes(outcome.scopes)}' if outcome.scopes else ""
    return _Content(
        name="signed-in",
        title=f"Signed in to {outcome.server}",
        legend="SIGNED IN · HANDSTAMP · SIGNED IN · ",
        glyph=CHECK,
        heading=f"Signed in to {_name(outcome.server)}",
        lines=(*_detail(who), *_detail(access), _next("You can close this tab and return to your terminal.")),
    )


def _describe_failed(outcome: LoginFailed) -> _Content:
    said = outcome.description or ""
    code = () if outcome.error in said else _detail(f"<code>{_text(outcome.error, MAX_NAME)}</code>")
    command = (
        f"Run <code>{_text(outcome.command, MAX_WORDS)}</code> to try again." if outcome.command else "Your terminal says more."
    )
    return _Content(
        name="failed",
        title=f"{outcome.server} did not sign you in",
        legend="NOT SIGNED IN · NOT SIGNED IN · ",
        glyph=CROSS,
        heading=f"{_name(outcome.server)} did not sign you in",
        lines=(*code, *_detail(_text(said, MAX_WORDS)), _next(command)),
    )


def _list_scopes(scopes: Sequence[str]) -> str:
    shown = ", ".join(_text(scope, MAX_SCOPE) for scope in scopes[:MAX_SCOPES])
    more = len(scopes) - MAX_SCOPES
    return f"{shown} and {more} more" if more > 0 else shown


def _detail(markup: str) -> tuple[str, ...]:
    return (f'<p class="detail">{markup}</p>',) if markup else ()


def _next(markup: str) -> str:
    return f'<p class="next">{markup}</p>'


def _unbroken(heading: str) -> str:
    # A line that ends in "sign-" reads as a misprint.
    return heading.replace("sign-in", '<span class="whole">sign-in</span>')


def _name(value: str) -> str:
    # A name in another script keeps its own direction and leaves ours alone.
    return f"<bdi>{_text(value, MAX_NAME)}</bdi>"


def _text(value: str, limit: int) -> str:
    return escape(safe(value, limit))


@cache
def _template() -> Template:
    return Template(files("handstamp.callback").joinpath("page.html").read_text("utf-8"))


@cache
def _style() -> str:
    return files("handstamp.callback").joinpath("page.css").read_text("utf-8")
