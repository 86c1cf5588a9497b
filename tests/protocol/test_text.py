"""What a server wrote, shown to a person."""

import pytest

from handstamp.model import Secret
from handstamp.protocol.text import mask, safe


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain words", "plain words"),
        ("Zürich 東京 🎫", "Zürich 東京 🎫"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("a\x9b31mb", "a\\x9b31mb"),
        ("a\x7f\x00", "a\\x7f\\x00"),
        ("abc\u202edcb", "abc\\u202edcb"),
        ("a\u2066b", "a\\u2066b"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("a\U000e0041b", "a\\U000e0041b"),
        ("a\U000e0101b", "a\\U000e0101b"),
        ("a\u2028b\u00a0c", "a\\u2028b c"),
        ("a\u3164b\u034fc", "a\\u3164b\\u034fc"),
        ("a\ud800b", "a\\ud800b"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 7, "e" + "\u0301" * 6 + "\\u0301"),
    ],
)
def test_what_acts_or_hides_is_written_out(raw: str, shown: str) -> None:
    """TH1, TH2."""
    assert safe(raw) == shown


def test_what_is_too_long_is_cut_and_says_so() -> None:
    assert safe("a" * 200) == "a" * 200
    assert safe("a" * 201) == "a" * 199 + "…"
    assert len(safe("\x1b" * 10_000, 50)) == 50


@pytest.mark.parametrize("shown", [10, 25, 33])
def test_the_beginning_of_a_secret_is_masked_though_it_begins_twice(shown: int) -> None:
    """TF13. A JWT's header and its claims both begin with eyJh, where they begin with alg and aud."""
    token = "eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL21jcC5leGFtcGxlIn0.c2lnbmF0dXJl"

    masked = mask(f"no such token {token[:shown]}…", [Secret(token)])

    assert masked == "no such token ***…"
