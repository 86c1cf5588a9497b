"""
The shape of every protocol step, and the reading of what comes back.

A step is a plain generator: it yields a `Request`, is sent the `Response` (or has the driver's `NetworkError` thrown in) and
returns a checked value. Steps compose with `yield from`. None of them knows a clock, a socket, a disk or a log; a driver in
`handstamp.http.drive` runs them.
"""

import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn, TypeVar, cast

from handstamp.errors import MalformedResponse
from handstamp.model import Secret, Uptime
from handstamp.protocol.client_auth import find_credentials

__all__ = ["Exchange", "Purpose", "Request", "Response", "parse_form", "parse_json"]

MAX_DEPTH = 32
# Above 10^30, which is an absurd lifetime and no reason to lose the token that came with it (TE4); below what costs time to read.
MAX_INTEGER_DIGITS = 100

_BRACKET = re.compile(r"[\[{\]}]")
# Possessive and with an optional end: an unclosed string is passed over once, never scanned again from each quote inside it.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class Purpose(Enum):
    """What a request is for: the word in traces and in error messages."""

    SERVER = "the MCP server"
    PROTECTED_RESOURCE = "protected resource metadata"
    AUTHORIZATION_SERVER = "authorization server metadata"
    REGISTRATION = "client registration"
    TOKEN = "token request"
    TOKEN_EXCHANGE = "token exchange"
    REVOCATION = "token revocation"
    CLIENT_DOCUMENT = "the client metadata document"
    CLIENT_KEYS = "the client's keys"
    WEBHOOK = "the webhook"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. At most one of `form` and `json` is set."""

    method: str
    url: str
    purpose: Purpose
    headers: tuple[tuple[str, str | Secret], ...] = ()
    form: tuple[tuple[str, str | Secret], ...] | None = None
    json: Mapping[str, object] | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All that it bears and nobody may be shown, should the server repeat it (TF13)."""
        values = [value for _, value in (*self.headers, *(self.form or ())) if isinstance(value, Secret)]
        return tuple(secret for value in values for secret in find_credentials(value))

    @property
    def may_redirect(self) -> bool:
        """Only a metadata GET, which bears no secret, follows a redirect, and that within its origin (TE1, TE2, TA9)."""
        return self.method == "GET" and self.purpose in (Purpose.PROTECTED_RESOURCE, Purpose.AUTHORIZATION_SERVER)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, its body decoded from any content coding and within the driver's cap."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """Names in lower case, in the order of the wire; a name may occur more than once."""
    body: bytes = field(repr=False)
    url: str
    """Where the answer came from, after any redirect."""
    sent_at: float = 0.0
    """When the request left, seconds since 1970, UTC: lifetimes count from here."""
    sent_uptime: Uptime | None = None
    """The same moment by the machine's own count."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def header_list(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def media_type(self) -> str:
        return (self.header("content-type") or "").partition(";")[0].strip().lower()


T = TypeVar("T")
Exchange = Generator[Request, Response, T]


def parse_json(body: bytes, what: str) -> dict[str, object]:
    """
    The JSON object in `body`; `what` names it in errors.

    Stricter than the `json` module (TA16): UTF-8 without lone surrogates, no duplicate members (which of two `issuer`s counts?),
    no NaN or Infinity, numbers and nesting within bounds. Raises MalformedResponse, which never quotes the body.
    """
    try:
        text = body.decode("utf-8")
        _check_depth(text, what)
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_int=_parse_bounded_int,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        # `from None`: a JSON error carries the whole document, tokens and all (TH6).
        raise MalformedResponse(f"Expected {what} as JSON, got {_describe(body)}.") from None
    if not isinstance(value, dict):
        raise MalformedResponse(f"Expected {what} as a JSON object, got a JSON {type(value).__name__}.")
    return cast("dict[str, object]", value)


def parse_form(body: bytes, what: str) -> dict[str, object]:
    """The members of a form-encoded answer (GitHub's token endpoint), each at most once. Raises MalformedResponse."""
    from urllib.parse import parse_qsl

    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=64, errors="strict")
        return _object_without_duplicates(list(pairs))
    except ValueError:
        raise MalformedResponse(f"Expected {what} as JSON or a form, got {_describe(body)}.") from None


def _describe(body: bytes) -> str:
    start = body[:256].lstrip().lower()
    if not start:
        return "an empty body"
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    return f"{len(body)} bytes of something else"


def _check_depth(text: str, what: str) -> None:
    # The C scanner recurses; a bound on the nesting keeps it far from its limit.
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"{what} is nested deeper than {MAX_DEPTH}")


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_bounded_int(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise ValueError("a number is too long")
    return int(digits)
