"""Why a server works or does not: every step of discovery, registration and token use, each judged and explained."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Diagnosis", "Finding", "Verdict"]


class Verdict(Enum):
    """What a step came to."""

    GOOD = "good"
    ODD = "odd"
    """Works, and is not as the specification has it, or may soon not work."""
    BAD = "bad"
    SKIPPED = "skipped"
    """A step before it made it pointless."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One step. Texts are fit to be shown, and bear no secret."""

    step: str
    """Stable: `connection`, `challenge`, `resource_metadata`, `server_metadata`, `pkce`, `registration`, `grant`, `token`, …"""
    verdict: Verdict
    title: str
    """A few words for a person."""
    url: str | None = None
    status: int | None = None
    """Of HTTP."""
    expected: str | None = None
    actual: str | None = None
    next_step: str | None = None
    """The one command that helps."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All steps, in the order in which they were taken."""

    server: str
    """What the person calls it."""
    url: str
    findings: tuple[Finding, ...]
    at: float
    """Seconds since 1970, UTC."""
