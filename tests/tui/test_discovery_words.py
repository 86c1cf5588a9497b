"""A finding on one line, and opened with all that is known of it."""

from handstamp.doctor import Diagnosis, Finding, Verdict
from handstamp.errors import UsageError
from handstamp.tui.discovery_words import describe_ending, describe_failure, describe_finding, describe_progress
from tui.fake_hosts import NOON

WRONG = Finding(
    "server_metadata",
    Verdict.BAD,
    "Authorization server metadata: not usable",
    "https://auth.example/.well-known/oauth-authorization-server",
    200,
    'the authorization server metadata of issuer "https://auth.example"',
    'that of "https://other.example"',
    "handstamp doctor linear --report",
    "issuer_mismatch",
    1,
)


def test_a_finding_is_one_line_with_glyph_word_and_title() -> None:
    assert describe_finding(WRONG, 80, is_open=False).plain == "✗ bad      Authorization server metadata: not usable"


def test_what_does_not_fit_is_cut_where_it_is_closed() -> None:
    closed = describe_finding(WRONG, 30, is_open=False)

    assert closed.cell_length == 30
    assert closed.plain.endswith("…")


def test_an_open_finding_says_where_what_was_expected_what_came_and_what_to_do() -> None:
    lines = describe_finding(WRONG, 80, is_open=True).plain.splitlines()

    assert lines == [
        "✗ bad      Authorization server metadata: not usable",
        "  url      https://auth.example/.well-known/oauth-authorization-server",
        "  status   HTTP 200",
        '  expected the authorization server metadata of issuer "https://auth.example"',
        '  got      that of "https://other.example"',
        "  do       handstamp doctor linear --report",
    ]


def test_what_is_long_hangs_below_its_own_beginning() -> None:
    lines = describe_finding(WRONG, 40, is_open=True).plain.splitlines()

    assert max(map(len, lines)) <= 40
    assert all(line[:2] in ("✗ ", "  ") for line in lines)
    assert any(line.startswith(" " * 11 + "metadata of issuer") for line in lines)


def test_a_servers_words_are_no_markup_and_move_nothing() -> None:
    """TH1, TH3."""
    hostile = Finding("token", Verdict.ODD, "[red]x[/] \x1b[2J", actual="[link=https://evil.example]y[/link]\u202e")

    shown = describe_finding(hostile, 80, is_open=True)

    assert "[red]x[/] \\x1b[2J" in shown.plain
    assert "[link=https://evil.example]y[/link]\\u202e" in shown.plain
    assert {str(span.style) for span in shown.spans} <= {"$text-warning", "$foreground-muted"}


def test_the_ending_is_a_sentence_and_a_command() -> None:
    wrong = Diagnosis("linear", "https://mcp.example/mcp", (WRONG,), NOON)
    right = Diagnosis("linear", "https://mcp.example/mcp", (Finding("pkce", Verdict.GOOD, "It does PKCE"),), NOON)

    assert describe_ending(wrong, 80).plain == (
        "✗ linear: authorization server metadata: not usable.\n› handstamp doctor linear --report"
    )
    assert describe_ending(right, 80).plain == "✓ linear: nothing is in the way."


def test_where_there_is_nothing_to_examine_the_error_stands_instead() -> None:
    error = UsageError("Expected a, got b.", hint="handstamp status")

    assert describe_failure(error, 80).plain == "✗ Expected a, got b.\n› handstamp status"


def test_while_it_goes_on_the_steps_are_counted() -> None:
    assert describe_progress([WRONG]).plain == "◐ Asking… 1 step so far"
