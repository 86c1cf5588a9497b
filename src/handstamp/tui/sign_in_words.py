"""
What the sign-in dialog says: pure, state in, lines out, wrapped to a width with what hangs below their marks.

Everything that a server, its settings or an error says goes through `handstamp.tui.said`.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, assert_never

from textual.content import Content
from textual.style import Style

from handstamp.errors import (
    DiscoveryFailed,
    HandstampError,
    LoginTimedOut,
    NetworkError,
    ServerBrokeProtocol,
    SettingsError,
    TemporarilyUnavailable,
    UsageError,
    VaultError,
)
from handstamp.model import Grant, GrantType, LoginPrompt
from handstamp.protocol.urls import host, split_url
from handstamp.tui.said import line
from handstamp.tui.sign_in import SignIn
from handstamp.tui.sign_in_states import Closed, Confirming, Done, Failed, Key, Opening, Prompting, Saving, Starting, Waiting
from handstamp.tui.signing_in import SigningIn, keys
from handstamp.without_browser import OPEN_LINK, TUNNEL, describe_obstacle, find_tunnel, next_steps
from handstamp.words import countdown, future_words, iso_time, means_words, one_line, renewal_words, who

__all__ = ["body", "key_lines", "link", "report", "title"]

LINK_LIMIT = 20_000
SCOPES_LIMIT = 8192
"""No list is cut: the address that carries it is at most that long, and nobody hides the last one behind an ellipsis (TB23)."""
HOST_LIMIT = 300
SENTENCE_LIMIT = 1000
REPORT_LIMIT = 4000
SHOWN_TRIED = 3
MARGIN = 2
"""Columns for the mark of a paragraph."""
ADDRESS = re.compile(r"(https?://)(?:[^/?#\s]*@)?([^?#\s'\"]*)(?:[?#][^\s'\"]*[^\s'\".,:;)])?")
"""What may tell something is no part of its two groups: user, query, fragment."""


class Paragraph(NamedTuple):
    """A sentence or two with a mark before it."""

    words: Content
    mark: str = ""
    style: str = ""
    """Of the mark."""
    is_cut: bool = False
    """On one line, whatever it costs."""

    def lines(self, width: int) -> Iterator[Content]:
        inner = max(1, width - MARGIN)
        lines = [self.words.truncate(inner, ellipsis=True)] if self.is_cut else self.words.wrap(inner)
        for number, each in enumerate(lines):
            mark = self.mark if number == 0 else ""
            yield Content.styled(mark.ljust(MARGIN), self.style) + each


GAP = Paragraph(Content(""))


def title(signing: SigningIn) -> Content:
    """What it is about, and the place in the queue."""
    wanted, count = signing.current, len(signing.queue)
    verb = "More access to " if wanted.scopes else "Sign in to "
    account = Content("") if wanted.account == "default" else Content(" · ") + line(wanted.account, limit=20)
    return Content(verb) + line(wanted.server, limit=30) + account + (f" ({signing.at + 1}/{count})" if count > 1 else "")


def body(signing: SigningIn, *, width: int, now: float, left_from: float) -> Content:
    """All of it. `now` is of the clock, `left_from` of the timer that `ends_at` counts by."""
    paragraphs = _paragraphs(signing, now, left_from)
    return Content("\n").join([each for paragraph in paragraphs for each in paragraph.lines(width)])


def key_lines(signing: SigningIn, width: int) -> Content:
    """The keys and what they do, to press and to click. None is torn apart at the end of a line."""
    lines = [Content("")]
    for key in keys(signing):
        shown = _key(key)
        longer = Content(" · ").join([lines[-1], shown]) if lines[-1] else shown
        if longer.cell_length <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(shown)
    return Content("\n").join(lines)


def link(url: str, text: str = "") -> Content:
    """The address, also for the terminal to open where it is surely one (TH11): https, or http on this machine."""
    shown = line(text or url, limit=LINK_LIMIT)
    try:
        parts = split_url(url)
    except ValueError:
        return shown
    is_ours = parts.scheme == "https" or (parts.scheme == "http" and parts.is_loopback)
    return shown.stylize(Style(link=url, underline=True)) if is_ours else shown


def report(sign_in: SignIn, error: HandstampError, at: float) -> str:
    """What to send to somebody who can help: without the details of any address."""
    lines = [
        f"Sign-in to {sign_in.server} ({sign_in.account}), {iso_time(at)}",
        f"error {error.code}: {error.message}",
        *([f"hint {error.hint}"] if error.hint else []),
        *(f"tried {tried}" for tried in _tried(error)),
    ]
    return "\n".join(ADDRESS.sub(r"\1\2", one_line(each, REPORT_LIMIT)) for each in lines) + "\n"


def _key(key: Key) -> Content:
    name = "esc" if key.key == "escape" else key.key
    return Content.assemble((name, "bold $foreground"), f" {key.label}").stylize(Style.from_meta({"key": key.key}))


def _paragraphs(signing: SigningIn, now: float, left_from: float) -> Iterator[Paragraph]:
    wanted = signing.current
    match signing.state:
        case Starting():
            if wanted.scopes:
                yield Paragraph(line(wanted.server) + " wants more access: " + _scopes(wanted.scopes))
            yield Paragraph(Content("Asking ") + line(wanted.server) + " who signs people in…", "◐", "$primary")
            yield from _others(signing)
        case Confirming(question):
            yield Paragraph(line(question, limit=SENTENCE_LIMIT), "!", "$warning")
        case Prompting(prompt):
            yield from _asked(prompt)
            yield from _others(signing)
        case Opening(prompt):
            yield from _asked(prompt)
            yield GAP
            yield Paragraph(Content("Getting the sign-in page ready…"), "◐", "$primary")
        case Waiting() as waiting:
            yield from _asked(waiting.prompt)
            yield GAP
            yield from _waiting(waiting, left_from)
        case Saving(notes):
            yield Paragraph(Content("The answer is here. Storing your sign-in…"), "◐", "$primary")
            yield from _noted(notes)
        case Done(grant, notes, was_asked):
            yield from _done(wanted, grant, was_asked, now)
            yield from _noted(notes)
        case Failed(error, said):
            yield from _failed(wanted, error)
            yield from _told(said)
        case Closed():
            return
        case _:
            assert_never(signing.state)


def _asked(prompt: LoginPrompt) -> Iterator[Paragraph]:
    at = line(prompt.authorization_host, "bold", limit=HOST_LIMIT)
    yield Paragraph(line(prompt.server) + " asks you to sign in at " + at)
    scopes = _scopes(prompt.scopes) if prompt.scopes else Content("the server decides")
    yield Paragraph(Content.styled("access  ", "$foreground-muted") + scopes)
    yield from _noted(prompt.notes)


def _scopes(scopes: tuple[str, ...]) -> Content:
    return line(", ".join(scopes), limit=SCOPES_LIMIT)


def _others(signing: SigningIn) -> Iterator[Paragraph]:
    later = ", ".join(each.server for each in signing.queue[signing.at + 1 :])
    if later:
        yield Paragraph(Content.styled("then    ", "$foreground-muted") + line(later, "$foreground-muted"), is_cut=True)


def _noted(notes: tuple[str, ...]) -> Iterator[Paragraph]:
    yield from (Paragraph(line(note, limit=SENTENCE_LIMIT), "!", "$warning") for note in notes)


def _told(said: str | None) -> Iterator[Paragraph]:
    if said is not None:
        yield Paragraph(Content(said), "›", "$foreground-muted")


def _waiting(waiting: Waiting, left_from: float) -> Iterator[Paragraph]:
    left = f"{countdown(waiting.ends_at - left_from)} left"
    shown = Paragraph(link(waiting.url), is_cut=True)
    if waiting.obstacle is None:
        yield Paragraph(Content(f"Waiting for you in the browser… {left}"), "◐", "$primary")
        yield shown
    else:
        second, third = next_steps(elsewhere=True)
        yield Paragraph(line(describe_obstacle(waiting.obstacle)), "!", "$warning")
        yield Paragraph(Content(OPEN_LINK), "1")
        yield shown
        yield Paragraph(Content(second), "2")
        yield Paragraph(Content(third), "3")
        if (tunnel := find_tunnel(waiting.url)) is not None:
            yield Paragraph(Content.styled(TUNNEL, "$foreground-muted"))
            yield Paragraph(line(tunnel))
        yield Paragraph(Content(f"{left}; paste the address"), "◐", "$primary")
    if waiting.rejected is not None:
        yield Paragraph(line(waiting.rejected), "!", "$warning")
    yield from _told(waiting.said)


def _done(wanted: SignIn, grant: Grant | None, was_asked: bool, now: float) -> Iterator[Paragraph]:
    name = line(wanted.server)
    if grant is None:
        yield Paragraph(name + " works without signing in.", "✓", "$success")
        return
    if grant.grant_type is not GrantType.AUTHORIZATION_CODE:
        at = line(host(grant.key.issuer), limit=HOST_LIMIT)
        yield Paragraph(name + f" needs no sign-in: {means_words(grant.grant_type)} at " + at, "✓", "$success")
        yield Paragraph(Content(future_words(grant, now)))
        return
    identity = who(grant)
    as_whom = Content("") if identity is None else Content(" as ") + line(identity, "bold")
    if was_asked:
        yield Paragraph(Content("Signed in to ") + name + as_whom, "✓", "$success")
        yield Paragraph(Content(future_words(grant, now)))
    else:
        words = renewal_words(grant, now)
        verb = "" if words.startswith("ends") else "renews "
        yield Paragraph(name + " is already signed in" + as_whom + f" ({verb}{words})", "✓", "$success")


def _failed(wanted: SignIn, error: HandstampError) -> Iterator[Paragraph]:
    yield Paragraph(line(_headline(wanted.server, error), "bold"), "✗", "$error")
    yield Paragraph(line(error.message, limit=SENTENCE_LIMIT))
    tried = _tried(error)
    yield from (Paragraph(line(each, "$foreground-muted")) for each in tried[:SHOWN_TRIED])
    if len(tried) > SHOWN_TRIED:
        yield Paragraph(Content.styled(f"and {len(tried) - SHOWN_TRIED} more, in the report", "$foreground-muted"))
    if error.hint is not None:
        yield Paragraph(Content.styled("hint  ", "$foreground-muted") + line(error.hint, limit=SENTENCE_LIMIT))


def _headline(server: str, error: HandstampError) -> str:
    match error:
        case LoginTimedOut():
            return "You did not finish in time"
        case TemporarilyUnavailable():
            return "A server is out of order"
        case NetworkError():
            return "A server cannot be reached"
        case VaultError():
            return "Your vault cannot be used"
        case UsageError() | SettingsError():
            return f"The settings of {server} do not fit"
        case ServerBrokeProtocol():
            return f"{server} does not keep to the rules of signing in"
        case _:
            return f"{server} did not sign you in"


def _tried(error: HandstampError) -> tuple[str, ...]:
    return error.tried if isinstance(error, DiscoveryFailed) else ()
