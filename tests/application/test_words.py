"""How the command line says times, states and other people's texts."""

from dataclasses import replace

import pytest

from fakes import make_grant
from handstamp.model import Grant, GrantKey, Secret, Token
from handstamp.words import iso_time, one_line, renewal_words, span, text_block, who

NOW = 1_800_000_000.0


def grant(
    *, lifetime: float | None = 3600.0, refresh: bool = True, account: str = "default", identity: str | None = None
) -> Grant:
    token = Token(Secret("a"), NOW, None if lifetime is None else NOW + lifetime, Secret("r") if refresh else None)
    key = GrantKey("local", "https://mcp.example.com/mcp", account, "https://example.com")
    return replace(make_grant(), key=key, token=token, identity=identity)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-5, "0 s"), (40, "40 s"), (60, "1 min"), (3540, "59 min"), (5399, "90 min"), (7200, "2 h"), (86_400 * 6, "6 days")],
)
def test_a_span_is_said_as_people_say_it(seconds: float, expected: str) -> None:
    assert span(seconds) == expected


def test_times_are_iso_8601_in_utc() -> None:
    assert iso_time(NOW) == "2027-01-15T08:00:00Z"
    assert iso_time(None) is None


@pytest.mark.parametrize(
    ("stored", "later", "expected"),
    [
        (grant(), 0, "in 48 min"),
        (grant(), 3000, "at next use"),
        (grant(), 4000, "at next use"),
        (grant(refresh=False), 0, "ends in 60 min"),
        (grant(refresh=False), 4000, "—"),
        (grant(lifetime=None), 0, "when refused"),
    ],
)
def test_what_becomes_of_a_token_is_said_in_words(stored: Grant, later: float, expected: str) -> None:
    assert renewal_words(stored, NOW + later) == expected


def test_whose_sign_in_it_is_names_our_label_only_where_it_is_not_the_default() -> None:
    assert who(grant()) is None
    assert who(grant(identity="me@example.com")) == "me@example.com"
    assert who(grant(account="work")) == "work"
    assert who(grant(account="work", identity="me@\x1bexample.com")) == "work (me@\\x1bexample.com)"


def test_somebody_elses_text_stays_on_one_line() -> None:
    assert one_line("a\r\n  b\x1b[2J") == "a b\\x1b[2J"


def test_a_tools_text_keeps_its_lines_and_loses_its_control_characters() -> None:
    """TH1: a tool's answer cannot act on the terminal; a pipe gets the same bytes."""
    assert text_block("one\ttwo\n\n\x1b]0;title\x07three\u202e") == "one\ttwo\n\n\\x1b]0;title\\x07three\\u202e"
    assert text_block("x" * 100_000) == "x" * 100_000
