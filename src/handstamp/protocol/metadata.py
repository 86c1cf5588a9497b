"""
Metadata documents: ask one address after another until one answers with a document that can be used.

A candidate fails in one of three ways, and they are not the same (4.2). Nothing may be there (404, 405, 410, a web page), and of
these 404 and 410 say so for certain; it may answer with something that must not be used; or nobody knows (5xx, 429, a time-out).
None ends the search. An unknown is never taken for "nothing there": that would let whoever can break a connection choose an older
protocol.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar, cast

from handstamp.errors import (
    DiscoveryFailed,
    ForbiddenAddress,
    HandstampError,
    IssuerMismatch,
    MalformedResponse,
    NetworkError,
    ResourceMismatch,
    ServerBrokeProtocol,
)
from handstamp.protocol.answers import refuse_unavailable
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response, parse_json
from handstamp.protocol.text import safe
from handstamp.protocol.urls import require_secure, split_url

__all__ = [
    "PROTOCOL_VERSION",
    "Tell",
    "Tried",
    "find_metadata",
    "read_strings",
    "read_text",
    "require_text",
    "untold",
    "well_known_url",
]

PROTOCOL_VERSION = "2026-07-28"
MAX_ENTRIES = 100
MAX_ENTRY_LENGTH = 2048
TELLING = (IssuerMismatch, ResourceMismatch, ForbiddenAddress)
"""What says more than that nothing was found."""

T = TypeVar("T")


class _Absent(Exception):
    """The server has no document at this address. Never leaves this module."""

    def __init__(self, message: str, *, definite: bool = False) -> None:
        super().__init__(message)
        self.definite = definite
        """It said so itself: a web page is there for any address that a site does not know, and 405 is about the method."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One address, and what was made of its answer."""

    purpose: Purpose
    url: str
    status: int | None
    """Of HTTP, after any redirect; None where no answer came."""
    error: HandstampError | None
    """Why the document is not used. None where it is, or where none is there."""
    absence: str | None = None
    """What says that no document is there."""
    is_definite: bool = False
    """The server said so itself."""
    found: object = None
    """What was read in the document, where it is used."""


Tell = Callable[[Tried], None]
"""Hears of each address as soon as it is judged, for whoever has to explain a search. Changes nothing about it."""


def untold(tried: Tried) -> None:
    """For a search that nobody has to explain."""


def well_known_url(identifier: str, suffix: str) -> str:
    """`suffix` put between host and path of `identifier`, whose query stays (RFC 9728 §3.1, RFC 8414 §3.1). Raises ValueError."""
    url = split_url(identifier)
    path = "" if url.path == "/" else url.path
    return f"{url.origin}/.well-known/{suffix}{path}{url.query}"


def find_metadata(
    candidates: Iterable[str],
    purpose: Purpose,
    judge: Callable[[str, dict[str, object]], T],
    *,
    subject: str,
    near: str,
    version: str = PROTOCOL_VERSION,
    tell: Tell = untold,
) -> Exchange[T]:
    """
    What `judge` makes of the first candidate that it accepts.

    It gets the address and the document, and raises if they must not be used. `subject` is what it is about, for messages;
    `version` is the revision of MCP that is asked for; `tell` hears of every candidate.

    Otherwise raises, in this order: the first NetworkError; the mismatch or the forbidden address, if that was all that was
    wrong; else DiscoveryFailed.
    """
    failures: list[Tried] = []
    # servers of 2025-03-26 choose their answer by the version; later ones ignore it.
    headers = (("accept", "application/json"), ("mcp-protocol-version", version))
    for url in candidates:
        status = None
        try:
            require_secure(url, f"the address of the {purpose.value}", near=near)
            request = Request("GET", url, purpose, headers=headers)
            response = yield request
            status = response.status
            found = judge(url, _read_document(request, response))
        except _Absent as absent:
            failures.append(Tried(purpose, url, status, None, str(absent), absent.definite))
            tell(failures[-1])
        except (NetworkError, ServerBrokeProtocol) as error:
            failures.append(Tried(purpose, url, status, error))
            tell(failures[-1])
        else:
            tell(Tried(purpose, url, status, None, found=found))
            return found
    raise _conclude(purpose, subject, failures)


def _read_document(request: Request, response: Response) -> dict[str, object]:
    purpose = request.purpose
    refuse_unavailable(request, response)
    if response.status in (404, 405, 410):
        raise _Absent(f"Expected {purpose.value}, got HTTP {response.status}.", definite=response.status != 405)
    if response.status != 200:
        raise MalformedResponse(f"Expected {purpose.value} with HTTP 200, got HTTP {response.status}.")
    if response.media_type in ("text/html", "application/xhtml+xml") and not response.body.lstrip().startswith(b"{"):
        raise _Absent(f"Expected {purpose.value} as JSON, got a web page.")
    return parse_json(response.body, purpose.value)


def _conclude(purpose: Purpose, subject: str, failures: list[Tried]) -> HandstampError:
    present = [each.error for each in failures if each.error is not None]
    unknown = next((error for error in present if isinstance(error, NetworkError)), None)
    if unknown is not None:
        return unknown
    tried = [f"{safe(each.url)}: {each.error or each.absence}" for each in failures]
    reason = f": {present[0].message[:1].lower()}{present[0].message[1:]}" if present else "."
    failed = DiscoveryFailed(
        f"Expected {purpose.value} for {safe(subject)}, found none that can be used at {len(tried)} addresses{reason}",
        tried=tried,
        absent=not present,
        definite=all(each.is_definite for each in failures),
    )
    if present and all(isinstance(error, TELLING) for error in present):
        present[0].__cause__ = failed
        return present[0]
    return failed


def require_text(document: dict[str, object], name: str, what: str) -> str:
    """A member that must be there, a string. Raises MalformedResponse."""
    value = read_text(document, name, what)
    if value is None:
        raise MalformedResponse(f'Expected "{name}" in {what}, got none.')
    return value


def read_text(document: dict[str, object], name: str, what: str) -> str | None:
    """A string member; None where it is absent or null. Raises MalformedResponse for another type and what is far too long."""
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ENTRY_LENGTH:
        raise MalformedResponse(f'Expected "{name}" in {what} as a string of 1 to {MAX_ENTRY_LENGTH} characters.')
    return value


def read_strings(document: dict[str, object], name: str) -> tuple[str, ...] | None:
    """The strings of a list member, at most a hundred; None where it is absent or no list of strings."""
    value = document.get(name)
    if not isinstance(value, list):
        return None
    entries = cast("list[object]", value)[:MAX_ENTRIES]
    strings = tuple(entry for entry in entries if isinstance(entry, str) and len(entry) <= MAX_ENTRY_LENGTH)
    return strings if len(strings) == len(entries) else None
