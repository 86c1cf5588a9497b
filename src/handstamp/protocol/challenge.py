"""
`WWW-Authenticate`: what a 401 or 403 tells (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9728 §5.1).

The header is a list of challenges, and each challenge holds a list of parameters, both separated by commas. Read in two
steps: cut at the commas outside quoted strings; then each piece begins a challenge (`scheme`, `scheme token68`, `scheme a=b`) or
adds a parameter to the one before (`a=b`). A pattern searched for in the whole header would find parameters of other schemes
and inside other values (TF4, TF5). A challenge with a piece that is neither is left out; the next one counts again.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from handstamp.protocol.scopes import parse_scopes

__all__ = ["INSUFFICIENT_SCOPE", "Challenge", "find_challenge", "parse_challenges"]

INSUFFICIENT_SCOPE = "insufficient_scope"
MAX_LENGTH = 16 * 1024
SCHEMES = ("bearer", "dpop")

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
# Possessive quantifiers (++, *+) keep every match linear: no piece is ever scanned a second time (TF6).
_QUOTED = r'"((?:[\t !#-\[\]-~\x80-\U0010ffff]++|\\[\t -~\x80-\U0010ffff])*+)"'
_PIECE = re.compile(r'(?:[^",]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?: ++(.*+))?", re.DOTALL)
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]++=*+")
# A value outside quotes should be a token; bare URLs occur, and nothing else can be meant by them.
_PARAMETER = re.compile(rf"({_TOKEN})[ \t]*+=[ \t]*+(?:{_QUOTED}|([!#-+\--~]++))")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a scheme that we answer."""

    scheme: str
    """`bearer` or `dpop`."""
    parameters: Mapping[str, str]
    """Names in lower case."""

    @property
    def resource_metadata(self) -> str | None:
        """Where the protected resource metadata is (RFC 9728 §5.1)."""
        return self.parameters.get("resource_metadata")

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the refused request needs (RFC 6750 §3)."""
        return parse_scopes(self.parameters.get("scope", ""))

    @property
    def algs(self) -> tuple[str, ...] | None:
        """What a DPoP proof may be signed with (RFC 9449 §7.1); None where it does not say."""
        listed = self.parameters.get("algs")
        return None if listed is None else tuple(listed.split(" "))

    @property
    def error(self) -> str | None:
        """`invalid_token`, `insufficient_scope` …; None where no token was sent."""
        return self.parameters.get("error")


def find_challenge(values: Sequence[str]) -> Challenge | None:
    """The challenge to act on: the first Bearer, else the first DPoP, else None."""
    challenges = parse_challenges(values)
    bearer = (challenge for challenge in challenges if challenge.scheme == "bearer")
    return next(bearer, challenges[0] if challenges else None)


def parse_challenges(values: Sequence[str]) -> list[Challenge]:
    """The Bearer and DPoP challenges in the header's lines, in order. Never raises; reads no more than 16 KiB, in linear time."""
    challenges: list[Challenge] = []
    budget = MAX_LENGTH
    for value in values:
        budget -= len(value)
        if budget < 0:
            break
        challenges += _parse_line(value)
    return challenges


@dataclass(slots=True)
class _Draft:
    scheme: str
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    is_bad: bool = False

    def add(self, parameter: re.Match[str]) -> None:
        name, quoted, bare = parameter.groups()
        # RFC 9110 §11.2: a name occurs once. Which of two would count is the attacker's choice.
        self.is_bad |= name.lower() in self.parameters
        self.parameters[name.lower()] = bare if quoted is None else _ESCAPE.sub(r"\1", quoted)


def _parse_line(line: str) -> list[Challenge]:
    drafts: list[_Draft] = [_Draft("")]
    for piece in _cut(line):
        if parameter := _PARAMETER.fullmatch(piece):
            drafts[-1].add(parameter)
        elif scheme := _SCHEME.fullmatch(piece):
            drafts.append(_begin(scheme[1], scheme[2] or ""))
        else:
            drafts[-1].is_bad = True
    return [Challenge(draft.scheme, draft.parameters) for draft in drafts if draft.scheme in SCHEMES and not draft.is_bad]


def _begin(scheme: str, rest: str) -> _Draft:
    draft = _Draft(scheme.lower())
    if not rest or _TOKEN68.fullmatch(rest):
        return draft
    parameter = _PARAMETER.fullmatch(rest)
    if parameter is None:
        draft.is_bad = True
    else:
        draft.add(parameter)
    return draft


def _cut(line: str) -> Iterator[str]:
    """The pieces between commas outside quotes, without empty ones; one with an unclosed quote runs to the end, and is bad."""
    position = 0
    while position < len(line):
        match = _PIECE.match(line, position)
        end = match.end() if match else position
        if end < len(line) and line[end] != ",":
            end = len(line)
        if piece := line[position:end].strip(" \t"):
            yield piece
        position = end + 1
