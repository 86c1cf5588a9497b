"""Why a server works or does not: every step of discovery, registration and token use, each judged and explained."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

__all__ = ["Diagnosis", "Finding", "Verdict", "report"]


class Verdict(Enum):
    """What a step came to."""

    GOOD = "good"
    ODD = "odd"
    """Works, and is not as the specification has it, or may soon not work, or needs your word first."""
    BAD = "bad"
    SKIPPED = "skipped"
    """Neither: a step before it made it pointless, or another way was open."""

    @property
    def glyph(self) -> str:
        return {Verdict.GOOD: "✓", Verdict.ODD: "!", Verdict.BAD: "✗", Verdict.SKIPPED: "–"}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One step. Texts are fit to be shown, and bear no secret."""

    step: str
    """
    Stable: `settings`, `connection`, `challenge`, `resource_metadata`, `server_metadata`, `discovery`, `older`, `issuer`,
    `endpoints`, `pkce`, `iss`, `dpop`, `scopes`, `registration`, `credentials`, `grant`, `token`, `program`.
    """
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
    code: str | None = None
    """What a sign-in or a request fails with here: the `code` of an error. None where it would go on."""
    exit_code: int = 0
    """Of that error."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All steps, in the order in which they were taken."""

    server: str
    """What the person calls it."""
    url: str
    """Empty of a program."""
    findings: tuple[Finding, ...]
    at: float
    """Seconds since 1970, UTC."""
    personal: tuple[str, ...] = ()
    """What tells in these texts who somebody is: a report leaves it out."""

    @property
    def failure(self) -> Finding | None:
        """What comes in the way first; None where nothing does."""
        return next((each for each in self.findings if each.verdict is Verdict.BAD and each.code is not None), None)

    @property
    def exit_code(self) -> int:
        """0 where nothing is in the way, else the class of what is."""
        return 0 if self.failure is None else self.failure.exit_code

    @property
    def next_step(self) -> str | None:
        """The one thing to do."""
        hints = [self.failure, *(each for each in self.findings if each.verdict is Verdict.ODD)]
        return next((each.next_step for each in hints if each is not None and each.next_step is not None), None)

    @property
    def summary(self) -> str:
        """A sentence to end with."""
        if self.failure is not None:
            return f"{self.server}: {self.failure.title[:1].lower()}{self.failure.title[1:]}."
        odd = sum(each.verdict is Verdict.ODD for each in self.findings)
        if not odd:
            return f"{self.server}: nothing is in the way."
        return f"{self.server}: nothing is in the way; {odd} {'thing is' if odd == 1 else 'things are'} unusual."


URL = re.compile(r"""([a-z][a-z0-9+.-]*://)([^\s/"'<>@?#]*@)?([^\s"'<>?#]*)(?:([?#])[^\s"'<>]*)?""", re.IGNORECASE)


def report(diagnosis: Diagnosis) -> str:
    """
    The diagnosis as Markdown, to be pasted where others read it.

    Without tokens, which no finding bears; without whose sign-in it is, the machine's user and home, the queries of URLs.
    """
    return "\n".join(_lines(diagnosis)) + "\n"


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    from handstamp.words import iso_time

    yield f"### handstamp doctor: {_code(diagnosis.summary, diagnosis)}"
    yield ""
    yield f"- {_versions()}"
    yield f"- {iso_time(diagnosis.at)}"
    if diagnosis.url:
        yield f"- server: {_code(diagnosis.url, diagnosis)}"
    yield ""
    for finding in diagnosis.findings:
        status = "" if finding.status is None else f" (HTTP {finding.status})"
        yield f"- {finding.verdict.glyph} {finding.verdict.value} · {finding.step}{status}: {_code(finding.title, diagnosis)}"
        details = [("url", finding.url), ("expected", finding.expected), ("got", finding.actual), ("error", finding.code)]
        for name, text in details:
            if text is not None:
                yield f"  - {name}: {_code(text, diagnosis)}"


def _versions() -> str:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    def find(package: str) -> str:
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            return f"{package} (not installed)"

    python = f"Python {platform.python_version()}"
    return ", ".join(
        [find("handstamp"), python, find("httpx2"), f"{platform.system()} {platform.release()} {platform.machine()}"]
    )


def _code(text: str, diagnosis: Diagnosis) -> str:
    """As code: a server's words could else mention people, or show a picture, where they are pasted."""
    return f"`{_redact(text, diagnosis.personal).replace('`', chr(39))}`"


def _redact(text: str, personal: tuple[str, ...]) -> str:
    text = URL.sub(_bare_url, text)
    for each in sorted(filter(None, personal), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(each)}(?!\w)", "***", text)
    return _without_home(text)


def _bare_url(found: re.Match[str]) -> str:
    scheme, user, place, mark = found.groups()
    return f"{scheme}{'***@' if user else ''}{place}{f'{mark}***' if mark else ''}"


def _without_home(text: str) -> str:
    from getpass import getuser
    from pathlib import Path

    try:
        home, user = str(Path.home()), getuser()
    except (RuntimeError, OSError, KeyError, ImportError):
        return text  # a user without a name or a home
    if len(home) > 1:
        text = re.sub(rf"(?<![\w.-]){re.escape(home)}(?![\w.-])", "~", text)
    return re.sub(rf"(?<=[/\\]){re.escape(user)}(?![\w.-])", "***", text)
