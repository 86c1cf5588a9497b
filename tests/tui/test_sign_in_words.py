"""What the sign-in dialog says, and that nobody else's words do more than be read."""

from dataclasses import replace

import pytest
from textual.content import Content

from handstamp.errors import (
    AccessDenied,
    ConnectFailed,
    DiscoveryFailed,
    HandstampError,
    LoginTimedOut,
    MalformedResponse,
    SettingsError,
    TemporarilyUnavailable,
    VaultLocked,
)
from handstamp.model import GrantType, LoginPrompt
from handstamp.tui.sign_in import SignIn
from handstamp.tui.sign_in_states import Confirming, Done, Failed, Prompting, Saving, Starting, State, Waiting
from handstamp.tui.sign_in_words import body, key_lines, link, report, title
from handstamp.tui.signing_in import SigningIn
from tui.dialogs import GRANT, HOSTILE, PROMPT, URL
from tui.fake_hosts import NOON

WAITING = Waiting(PROMPT, URL, opened=True, obstacle=None, ends_at=300.0)


def standing(state: State, *wanted: SignIn) -> SigningIn:
    return SigningIn(wanted or (SignIn("linear"),), 0, state)


def said(state: State, *wanted: SignIn, width: int = 54, left_from: float = 8.0) -> str:
    return body(standing(state, *wanted), width=width, now=NOON, left_from=left_from).plain


def links(content: Content) -> set[str]:
    return {url for span in content.spans if (url := getattr(span.style, "link", None))}


def test_who_and_what_is_said_before_anything_opens() -> None:
    """A-135."""
    assert said(Prompting(PROMPT)) == "  linear asks you to sign in at linear.app\n  access  read, write"


def test_no_scopes_are_for_the_server_to_decide() -> None:
    assert "access  the server decides" in said(Prompting(replace(PROMPT, scopes=())))


def test_no_scope_is_left_out() -> None:
    """TB23: nobody hides the last one behind an ellipsis."""
    scopes = tuple(f"scope:{number}" for number in range(300))

    shown = said(Prompting(replace(PROMPT, scopes=scopes)))

    assert all(scope in shown for scope in scopes)


def test_more_access_says_which() -> None:
    wanted = SignIn("linear", scopes=("admin",))

    assert title(standing(Starting(), wanted)).plain == "More access to linear"
    assert "linear wants more access: admin" in said(Starting(), wanted)


def test_the_title_counts_and_names_the_account() -> None:
    queue = (SignIn("linear", "work"), SignIn("notion"), SignIn("sentry"))

    assert title(standing(Starting(), *queue)).plain == "Sign in to linear · work (1/3)"
    assert "then    notion, sentry" in said(Starting(), *queue)


@pytest.mark.parametrize(("left_from", "left"), [(8.0, "4:52"), (0.0, "5:00"), (299.6, "0:00"), (400.0, "0:00")])
def test_the_time_left_is_counted(left_from: float, left: str) -> None:
    assert f"Waiting for you in the browser… {left} left" in said(WAITING, left_from=left_from)


def test_without_a_browser_the_steps_are_those_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    monkeypatch.setenv("USER", "me")

    shown = said(replace(WAITING, opened=False, obstacle="SSH session"))

    assert "! No browser on this machine (SSH session)\n1 Open this link anywhere:\n  https://linear.app/oauth/" in shown
    assert "2 Approve. The last page will not load — that is\n  expected.\n3 Copy its address" in shown
    assert "  ssh -N -L 40704:127.0.0.1:40704 me@192.0.2.1" in shown
    assert "◐ 4:52 left; paste the address" in shown


def test_done_says_who_you_are_and_what_becomes_of_it() -> None:
    assert said(Done(GRANT, ("More was allowed.",))) == (
        "✓ Signed in to linear as me@example.com\n  Renews by itself; next in 48 min\n! More was allowed."
    )


def test_an_open_server_works_without_signing_in() -> None:
    assert said(Done(None, was_asked=False)) == "✓ linear works without signing in."


def test_who_was_signed_in_hears_so() -> None:
    assert said(Done(GRANT, was_asked=False), width=80) == ("✓ linear is already signed in as me@example.com (renews in 48 min)")


def test_where_nobody_signs_in_it_says_what_the_token_is() -> None:
    grant = replace(GRANT, grant_type=GrantType.CLIENT_CREDENTIALS)

    assert said(Done(grant, was_asked=False), width=80).startswith(
        "✓ linear needs no sign-in: a token for the client itself at auth.example"
    )


@pytest.mark.parametrize(
    ("error", "headline"),
    [
        (AccessDenied("x"), "linear did not sign you in"),
        (LoginTimedOut("x"), "You did not finish in time"),
        (ConnectFailed("x"), "A server cannot be reached"),
        (TemporarilyUnavailable("x"), "A server is out of order"),
        (VaultLocked("x"), "Your vault cannot be used"),
        (SettingsError("x"), "The settings of linear do not fit"),
        (MalformedResponse("x"), "linear does not keep to the rules of signing in"),
    ],
)
def test_an_error_says_whose_it_is(error: HandstampError, headline: str) -> None:
    """W17: what is not about signing in is not called that."""
    assert said(Failed(error)).splitlines()[0] == f"✗ {headline}"


def test_a_failure_shows_the_reason_the_addresses_and_the_command() -> None:
    error = DiscoveryFailed(
        "Expected metadata, got none.", hint="handstamp -v login linear", tried=[f"url {n}" for n in range(5)]
    )

    assert said(Failed(error)).splitlines()[1:] == [
        "  Expected metadata, got none.",
        "  url 0",
        "  url 1",
        "  url 2",
        "  and 2 more, in the report",
        "  hint  handstamp -v login linear",
    ]


def test_the_report_tells_all_that_was_tried_and_no_details_of_an_address() -> None:
    error = DiscoveryFailed(
        "Expected metadata, got 404 from https://me:word@mcp.example/x?key=abc.",
        hint="handstamp -v login linear",
        tried=["https://mcp.example/a?token=abc#b: 404", "https://mcp.example/b: 404"],
    )

    assert report(SignIn("linear"), error, NOON) == (
        "Sign-in to linear (default), 2026-11-23T12:00:00Z\n"
        "error discovery_failed: Expected metadata, got 404 from https://mcp.example/x.\n"
        "hint handstamp -v login linear\n"
        "tried https://mcp.example/a: 404\n"
        "tried https://mcp.example/b: 404\n"
    )


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:5000/authorize?x=1", "http://localhost/authorize"])
def test_an_address_is_a_link_for_the_terminal_too(url: str) -> None:
    assert links(link(url)) == {url}


@pytest.mark.parametrize(
    "url",
    [
        "http://linear.app/authorize",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://a.example/\x1b]8;;https://b.example\x07",
        "https://me@a.example/",
        "https://a.example/ b",
        "https://a.example/\\",
        "",
    ],
)
def test_what_is_not_surely_an_address_is_no_link(url: str) -> None:
    """TH11."""
    assert links(link(url)) == set()


def hostile_states() -> list[State]:
    prompt = LoginPrompt(HOSTILE, HOSTILE, (HOSTILE, HOSTILE), (HOSTILE,))
    waiting = Waiting(prompt, HOSTILE, opened=True, obstacle=None, ends_at=300.0, rejected=HOSTILE)
    grant = replace(GRANT, identity=HOSTILE)
    error = DiscoveryFailed(HOSTILE, hint=HOSTILE, tried=[HOSTILE])
    return [
        Starting(),
        Confirming(HOSTILE),
        Prompting(prompt),
        waiting,
        replace(waiting, opened=False, obstacle=HOSTILE),
        Saving((HOSTILE,)),
        Done(grant, (HOSTILE,)),
        Done(grant, was_asked=False),
        Done(None),
        Failed(error),
    ]


@pytest.mark.parametrize("state", hostile_states(), ids=lambda state: type(state).__name__)
def test_somebody_else_s_words_only_draw(state: State) -> None:
    """TH1 to TH3."""
    hostile = SignIn(HOSTILE, HOSTILE, (HOSTILE,))
    signing = SigningIn((hostile, hostile), 0, state)
    shown = [body(signing, width=54, now=NOON, left_from=0.0), title(signing), key_lines(signing, 54)]

    for content in shown:
        assert all(character == "\n" or character.isprintable() for character in content.plain)
        assert "\u0301" * 10 not in content.plain
        assert links(content) == set()
    assert not [span for content in shown[:2] for span in content.spans if getattr(span.style, "meta", None)]


def test_the_report_only_draws_too() -> None:
    """It goes to a clipboard and from there to a terminal."""
    told = report(SignIn(HOSTILE, HOSTILE), DiscoveryFailed(HOSTILE, hint=HOSTILE, tried=[HOSTILE]), NOON)

    assert all(line.isprintable() for line in told.split("\n"))
    assert len(told.splitlines()) == 4


def test_keys_are_not_torn_apart() -> None:
    signing = standing(WAITING, SignIn("linear"), SignIn("notion"))

    assert key_lines(signing, 54).plain.splitlines() == [
        "enter reopen · c copy link · u whole link",
        "v paste address · s skip · esc cancel",
    ]
    assert len(key_lines(signing, 5).plain.splitlines()) == 6


def test_the_link_is_on_one_line_and_leads_to_all_of_it() -> None:
    content = body(standing(WAITING), width=54, now=NOON, left_from=0.0)

    assert links(content) == {URL}
    assert max(len(line) for line in content.plain.splitlines()) <= 54
