"""How far a call is, and what is said where no answer came."""

import pytest

from handstamp.errors import LoginRequired, ServerSaidNo, StepUpRequired
from handstamp.tui.calling import Trouble, explain, progress_line


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ServerSaidNo("No.", hint="handstamp tools linear"), Trouble("No.", "handstamp tools linear")),
        (LoginRequired("Sign in."), Trouble("Sign in.", login=True)),
        (StepUpRequired("More.", scopes=("write",)), Trouble("More.", login=True, scopes=("write",))),
        (ExceptionGroup("g", [LoginRequired("Sign in.")]), Trouble("Sign in.", login=True)),
        (RuntimeError("\x1b[2J"), Trouble("Expected an answer, got RuntimeError: \\x1b[2J")),
    ],
)
def test_an_error_is_told_with_what_helps(error: Exception, trouble: Trouble) -> None:
    assert explain(error, str) == trouble


@pytest.mark.parametrize(
    ("progress", "total", "said"),
    [
        (5, 10, "━━━━━━━━━━━━────────────  50%  words"),
        (15, 10, "━━━━━━━━━━━━━━━━━━━━━━━━  100%  words"),
        (-1, 10, "────────────────────────  0%  words"),
        (1200, None, "1,200 done so far  words"),
        (0.25, 0, "0.25 done so far  words"),
        (float("nan"), 10, "────────────────────────  0%  words"),
        (float("inf"), None, "inf done so far  words"),
    ],
)
def test_progress_is_a_bar_where_its_end_is_known(progress: float, total: float | None, said: str) -> None:
    assert progress_line(progress, total, "words").plain == said


def test_the_servers_words_on_progress_only_draw() -> None:
    """TH1 to TH3."""
    said = progress_line(1, 2, "\x1b[2J\u202e[red]x[/]\n")

    assert said.plain.isprintable()
    assert "[red]" in said.plain
