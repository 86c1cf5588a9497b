"""What the detail of a server says, tab by tab: names and values, made of a row and of what its connection tells."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content

from handstamp.hosts.connection import Connected, Host, LogLine
from handstamp.hosts.target import ProgramTarget
from handstamp.model import Grant, Status
from handstamp.standing import Standing
from handstamp.tui.rows import Row, glyph, tone, words
from handstamp.tui.said import block, line
from handstamp.words import renewal_words, span, status_words, who

__all__ = ["Fact", "log", "overview", "scopes"]

STATUS_TONES = {"green": "success", "yellow": "warning", "red": "error", "dim": "foreground-muted"}
LEVEL_TONES = {
    "debug": "foreground-muted",
    "warning": "warning",
    "error": "error",
    "critical": "error",
    "alert": "error",
    "emergency": "error",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and what it is; a fact without a name goes on below the one before it. `value` is fit to be shown."""

    name: str
    value: Content


def overview(row: Row, connected: Connected | None, now: float) -> Iterator[Fact]:
    """The connection, the reason and the way out of it; then the sign-in; then who answers there."""
    yield from _connection(row, now)
    match row.target:
        case ProgramTarget(command=command, directory=directory):
            yield Fact("Command", line(" ".join(command), limit=1000))
            if directory is not None:
                yield Fact("Directory", line(str(directory), limit=1000))
        case target:
            yield Fact("Resource", line(target.url, limit=2000))
    if row.standing is not None:
        yield from _sign_in(row.standing, now)
    for other in row.others:
        if other.grant is not None and not other.is_former:
            yield Fact("Also", line(f"{who(other.grant) or other.account}: {_status(other.grant, now)[0]}"))
    if connected is not None:
        yield Fact("Server", line(f"{connected.name} {connected.version}"))
        yield Fact("Protocol", line(f"MCP {connected.protocol_version}"))
        if connected.instructions:
            yield Fact("It says", block(connected.instructions[:4000]))


def _connection(row: Row, now: float) -> Iterator[Fact]:
    state = row.state
    for_how_long = f" for {span(now - state.since)}" if now - state.since >= 1 else ""
    yield Fact("Connection", _toned(f"{glyph(state.status)} {words(state.status)}{for_how_long}", tone(state.status)))
    if state.reason is not None:
        yield Fact("", line(state.reason, limit=1000))
    if state.retry_at is not None and state.retry_at > now:
        yield Fact("", line(f"Tried again in {span(state.retry_at - now)}; R tries now.", "$foreground-muted"))
    if state.next_step is not None:
        yield Fact("", line(f"→ {state.next_step}", "$accent", limit=1000))


def _sign_in(standing: Standing, now: float) -> Iterator[Fact]:
    grant = standing.grant
    if grant is None:
        yield Fact("Sign-in", _toned("✗ damaged", "error"))
        return
    yield Fact("Sign-in", _toned(*_status(grant, now)))
    if grant.failure is not None:
        yield Fact("", line(grant.failure.message, limit=1000))
    yield Fact("Account", line(who(grant) or grant.key.account))
    yield Fact("Issuer", line(grant.key.issuer, limit=1000))
    yield Fact("Client", line(grant.registration.kind.value.replace("_", " ")))
    yield Fact("Renews", line(renewal_words(grant, now)))
    yield Fact("Signed in", line(_moment(grant.granted_at)))
    if grant.token.obtained_at > grant.granted_at:
        yield Fact("Renewed", line(_moment(grant.token.obtained_at)))


def scopes(row: Row) -> Iterator[Fact]:
    """What was granted, asked for and refused."""
    grant = row.grant
    if row.state.scopes:
        yield Fact("Needed now", _list(row.state.scopes, "$warning"))
    if grant is None:
        yield Fact("Granted", line("Nobody has signed in.", "$foreground-muted"))
        return
    yield Fact(
        "Granted", _list(grant.scopes, "$success") if grant.scopes else line("The server does not say.", "$foreground-muted")
    )
    missing = tuple(each for each in grant.requested_scopes if each not in grant.scopes)
    if missing:
        yield Fact("Asked too", _list(missing))
    if grant.refused_scopes:
        yield Fact("Refused", _list(grant.refused_scopes, "$error"))


def log(host: Host | None) -> Content:
    """The connection's own lines and the server's, the newest last."""
    lines: Sequence[LogLine] = () if host is None else host.log
    if not lines:
        return Content.styled("Nothing yet.", "$foreground-muted")
    return Content("\n").join(_log_line(each) for each in lines)


def _log_line(said: LogLine) -> Content:
    at = Content.styled(time.strftime("%H:%M:%S ", time.localtime(said.at)), "$foreground-muted")
    level = Content.styled(f"{said.level:<9} ", f"${LEVEL_TONES.get(said.level, 'foreground')}")
    return Content.assemble(at, level, line(said.text, limit=2000))


def _list(names: Sequence[str], style: str = "") -> Content:
    return Content("\n").join(line(each, style) for each in names)


def _status(grant: Grant, now: float) -> tuple[str, str]:
    text, color = status_words(Status.of(grant, now))
    return text, STATUS_TONES[color]


def _toned(text: str, name: str) -> Content:
    return Content.styled(text, f"${name}")


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
