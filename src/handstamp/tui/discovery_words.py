"""What the tab "Discovery" says: a finding on a line, the one at hand with all that is known of it. Pure, wrapped to a width."""

from collections.abc import Iterator, Sequence

from textual.content import Content

from handstamp.doctor import Diagnosis, Finding, Verdict
from handstamp.errors import HandstampError
from handstamp.tui.hanging import hang
from handstamp.tui.said import line

__all__ = ["describe_ending", "describe_failure", "describe_finding", "describe_progress"]

STYLES = {
    Verdict.GOOD: "$text-success",
    Verdict.ODD: "$text-warning",
    Verdict.BAD: "$text-error",
    Verdict.SKIPPED: "$foreground-muted",
}
WORDS = {Verdict.GOOD: "good", Verdict.ODD: "odd", Verdict.BAD: "bad", Verdict.SKIPPED: "skipped"}
LIMIT = 600
MUTED = "$foreground-muted"
MARGIN = 2
WORD = len("expected ")


def describe_finding(finding: Finding, width: int, *, is_open: bool) -> Content:
    """Glyph, word and title; where it is open, with its address, what was expected, what came, and what to do."""
    style = STYLES[finding.verdict]
    mark = Content.styled(f"{finding.verdict.glyph} {WORDS[finding.verdict]}".ljust(MARGIN + WORD), style)
    title = line(finding.title, limit=LIMIT)
    inner = width - MARGIN - WORD
    lines = [mark + title.truncate(inner, ellipsis=True)] if not is_open else list(hang(mark, title, width))
    if is_open:
        lines += [
            each for name, text, look in _details(finding) for each in hang(_label(name), line(text, look, limit=LIMIT), width)
        ]
    return Content("\n").join(lines)


def describe_ending(diagnosis: Diagnosis, width: int) -> Content:
    """The one sentence, and the one command."""
    verdict = Verdict.GOOD if diagnosis.failure is None else Verdict.BAD
    lines = list(hang(Content.styled(f"{verdict.glyph} ", STYLES[verdict]), line(diagnosis.summary, "bold", limit=LIMIT), width))
    return Content("\n").join([*lines, *_command(diagnosis.next_step, width)])


def describe_failure(error: HandstampError, width: int) -> Content:
    """Where there is nothing to examine."""
    lines = list(hang(Content.styled("✗ ", STYLES[Verdict.BAD]), line(error.message, limit=LIMIT), width))
    return Content("\n").join([*lines, *_command(error.hint, width)])


def describe_progress(findings: Sequence[Finding]) -> Content:
    """While it goes on."""
    return Content.styled("◐ ", "$text-primary") + f"Asking… {len(findings)} {'step' if len(findings) == 1 else 'steps'} so far"


def _command(command: str | None, width: int) -> Iterator[Content]:
    if command is not None:
        yield from hang(Content.styled("› ", "$text-accent"), line(command, limit=LIMIT), width)


def _details(finding: Finding) -> Iterator[tuple[str, str, str]]:
    if finding.url is not None:
        yield "url", finding.url, ""
    if finding.status is not None:
        yield "status", f"HTTP {finding.status}", ""
    if finding.expected is not None:
        yield "expected", finding.expected, ""
    if finding.actual is not None:
        yield "got", finding.actual, STYLES[finding.verdict] if finding.verdict is Verdict.BAD else ""
    if finding.next_step is not None:
        yield "do", finding.next_step, "bold"


def _label(name: str) -> Content:
    return Content.styled("  " + name.ljust(WORD), MUTED)
