"""The page that ends a login: what it says, what it holds back, what it may load (nothing)."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from handstamp.callback.page import AlreadyFinished, NotThisLogin, Outcome, headers, render, status
from handstamp.model import LoginFailed, SignedIn

SIGNED_IN = SignedIn("linear", "me@example.com", ("read", "write"))
FAILED = LoginFailed("linear", "access_denied", "You declined.", "handstamp login linear")
OUTCOMES = [SIGNED_IN, FAILED, AlreadyFinished(), NotThisLogin()]


class PageReader(HTMLParser):
    """What a person reads, and every element with its attributes."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.lines: list[str] = []
        self._skipping = False
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._skipping = tag in ("style", "svg", "text", "textpath", "title") or (self._skipping and tag not in ("h1", "p"))
        if tag in ("h1", "p"):
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if self.lines and not self._skipping:
            self.lines[-1] += data

    def read_lines(self) -> list[str]:
        return [line.strip() for line in self.lines]


def read(outcome: Outcome) -> list[str]:
    return PageReader(render(outcome)).read_lines()


def test_a_sign_in_names_the_server_the_account_and_the_scopes() -> None:
    assert read(SIGNED_IN) == [
        "Signed in to linear",
        "as me@example.com",
        "access read, write",
        "You can close this tab and return to your terminal.",
    ]
    assert status(SIGNED_IN) == 200


def test_what_the_server_did_not_tell_is_left_out() -> None:
    assert read(SignedIn("linear")) == ["Signed in to linear", "You can close this tab and return to your terminal."]
    assert read(SignedIn("linear", None, ("read",)))[1] == "access read"
    assert read(SignedIn("linear", "me"))[1] == "as me"


def test_a_failure_names_the_code_the_words_and_the_command() -> None:
    assert read(FAILED) == [
        "linear did not sign you in",
        "access_denied",
        "You declined.",
        "Run handstamp login linear to try again.",
    ]
    assert status(FAILED) == 400


def test_words_that_name_the_code_stand_alone() -> None:
    said = 'linear.app answered the sign-in with access_denied ("You declined.").'

    assert read(LoginFailed("linear", "access_denied", said))[1] == said


def test_a_failure_without_words_or_command_still_says_where_to_look() -> None:
    assert read(LoginFailed("linear", "timed_out")) == ["linear did not sign you in", "timed_out", "Your terminal says more."]


def test_a_used_tab_and_a_stranger_get_static_pages() -> None:
    assert read(AlreadyFinished())[0] == "This sign-in is already finished."
    assert status(AlreadyFinished()) == 410
    assert read(NotThisLogin())[0] == "This is not the sign-in that is under way."
    assert status(NotThisLogin()) == 400


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_page_holds_a_script_or_loads_anything(outcome: Outcome) -> None:
    """A-92, TD7."""
    reader = PageReader(render(outcome))

    assert not {"script", "iframe", "object", "embed", "form", "base", "img"} & {tag for tag, _ in reader.elements}
    for _, attributes in reader.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/svg+xml,"))
    assert b"url(" not in re.sub(rb"url\(#fade\)|url\(#cuff\)|url\(#ink\)", b"", render(outcome))
    assert b"@import" not in render(outcome)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_policy_allows_the_style_of_the_page_and_nothing_else(outcome: Outcome) -> None:
    """A-128, TD7."""
    policy = dict(headers())["Content-Security-Policy"]
    style = re.search(rb"<style>(.*?)</style>", render(outcome), re.DOTALL)

    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1]).digest()).decode() in policy
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_keeps_frames_or_refers_to_the_page() -> None:
    """TD7, TD13."""
    sent = dict(headers())

    assert sent["Cache-Control"] == "no-store"
    assert sent["Referrer-Policy"] == "no-referrer"
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["X-Frame-Options"] == "DENY"


def test_markup_in_what_a_server_says_stays_text() -> None:
    """TD7."""
    evil = "</title><script>alert(1)</script>\"'&"
    reader = PageReader(render(LoginFailed(evil, evil, evil, evil)))

    assert "script" not in {tag for tag, _ in reader.elements}
    assert reader.read_lines()[0] == f"{evil} did not sign you in"


def test_characters_that_turn_or_hide_text_are_shown_as_escapes() -> None:
    """TD7."""
    shown = read(LoginFailed("linear", "server_error", "a\u202eb\x00c\u200bd\ne", None))[2]

    assert shown == r"a\u202eb\x00c\u200bd\x0ae"


def test_what_a_server_says_is_cut() -> None:
    """TD7."""
    long = "x" * 100_000

    page = render(LoginFailed(long, long, long, long))

    assert len(page) < len(render(FAILED)) + 1500
    assert len("".join(read(SignedIn(long, long, (long,) * 1000)))) < 600


def test_many_scopes_are_counted() -> None:
    assert read(SignedIn("linear", None, tuple(f"s{n}" for n in range(9))))[1] == "access s0, s1, s2, s3, s4, s5 and 3 more"


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_words_are_ours(outcome: Outcome) -> None:
    text = render(outcome).decode().lower()

    assert not any(word in text for word in ("please", "successful", "oops", "sorry"))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_screen_reader_is_told_the_outcome_and_not_the_drawing(outcome: Outcome) -> None:
    elements = PageReader(render(outcome)).elements

    assert ("main", {"role": "status"}) in elements
    assert next(attributes for tag, attributes in elements if tag == "svg")["aria-hidden"] == "true"
    assert next(attributes for tag, attributes in elements if tag == "html")["lang"] == "en"


def _luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_both_schemes(scheme: str) -> None:
    """WCAG 2.2: 4.5 for text, 3 for the drawing."""
    light, dark = files("handstamp.callback").joinpath("page.css").read_text().split("@media (prefers-color-scheme: dark)")
    css = light if scheme == "light" else dark
    colors = dict(re.findall(r"--(paper|glow|text|quiet|skin|code): (#[0-9a-f]{6})", css))
    inks = re.findall(r"--ink: (#[0-9a-f]{6})", css)

    for ground in (colors["paper"], colors["glow"]):
        assert all(_contrast(text, ground) >= 4.5 for text in (colors["text"], colors["quiet"], *inks))
    assert _contrast(colors["text"], colors["code"]) >= 4.5
    assert all(_contrast(ink, colors["skin"]) >= 3 for ink in inks)
