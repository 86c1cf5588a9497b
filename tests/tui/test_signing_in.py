"""The queue of sign-ins, and one of them: every key in every state, every word of a login, no dead end."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handstamp.errors import AccessDenied
from handstamp.model import LoginPrompt
from handstamp.tui.grace import QUIET, Grace
from handstamp.tui.sign_in import SignIn, SignInOutcome
from handstamp.tui.sign_in_states import (
    Asked,
    Away,
    Closed,
    Confirming,
    Does,
    Done,
    Ended,
    Event,
    Failed,
    Noted,
    NotOpened,
    Opening,
    Prompted,
    Prompting,
    Refused,
    Rejected,
    Said,
    Saving,
    SavingBegan,
    Starting,
    State,
    Waiting,
)
from handstamp.tui.signing_in import SigningIn, after, keys
from tui.dialogs import GRANT

ONE, TWO, THREE = (SignIn(name) for name in ("linear", "notion", "sentry"))
PROMPT = LoginPrompt("linear", "linear.app", ("read",))
DENIED = AccessDenied("Expected your consent, got access_denied.")

WAITING = Waiting(PROMPT, "https://linear.app/authorize", opened=True, obstacle=None, ends_at=300.0)
STATES: dict[str, State] = {
    "starting": Starting(),
    "confirming": Confirming("Go on?"),
    "prompting": Prompting(PROMPT),
    "opening": Opening(PROMPT),
    "waiting": WAITING,
    "waiting, link copied": replace(WAITING, opened=False),
    "waiting, no browser": replace(WAITING, opened=False, obstacle="SSH session"),
    "waiting, pasting": replace(WAITING, is_pasting=True),
    "waiting, whole link": replace(WAITING, shows_link=True),
    "saving": Saving(),
    "done": Done(GRANT),
    "failed": Failed(DENIED),
    "closed": Closed(),
}
KEYS = {
    "starting": "s escape",
    "confirming": "enter y s escape",
    "prompting": "enter c s escape",
    "opening": "s escape",
    "waiting": "enter c u v s escape",
    "waiting, link copied": "enter c u v s escape",
    "waiting, no browser": "c u v s escape",
    "waiting, pasting": "enter escape",
    "waiting, whole link": "c u escape",
    "saving": "s escape",
    "done": "enter escape",
    "failed": "r d y s escape",
    "closed": "",
}
STAYS = {Does.OPEN_AGAIN, Does.TAKE, Does.COPY_LINK, Does.COPY_REPORT, Does.NO}
GOES_TO: dict[Does, State] = {
    Does.YES: Starting(),
    Does.OPEN: Opening(PROMPT),
    Does.COPY_INSTEAD: Opening(PROMPT),
    Does.SHOW_LINK: replace(WAITING, shows_link=True),
    Does.HIDE_LINK: WAITING,
    Does.PASTE: replace(WAITING, is_pasting=True),
    Does.STOP_PASTING: WAITING,
    Does.NEXT: Starting(),
    Does.SKIP: Starting(),
    Does.RETRY: Starting(),
    Does.DOCTOR: Closed(),
    Does.CLOSE: Closed(),
}


def standing(state: State, *, queue: tuple[SignIn, ...] = (ONE, TWO, THREE), at: int = 0) -> SigningIn:
    return SigningIn(queue, at, state)


def names(signing: SigningIn) -> list[str]:
    return [key.key for key in keys(signing)]


@pytest.mark.parametrize("name", STATES)
def test_each_state_has_its_keys(name: str) -> None:
    assert names(standing(STATES[name])) == KEYS[name].split()


@pytest.mark.parametrize("name", STATES)
def test_the_last_of_the_queue_has_nothing_to_skip_to(name: str) -> None:
    assert names(standing(STATES[name], at=2)) == [key for key in KEYS[name].split() if key != "s"]


@pytest.mark.parametrize("does", Does)
@pytest.mark.parametrize("name", STATES)
def test_each_key_does_the_same_wherever_it_is_and_nothing_elsewhere(name: str, does: Does) -> None:
    before = standing(STATES[name])
    is_here = any(key.does is does for key in keys(before))

    then = after(before, does)

    if not is_here or does in STAYS:
        assert then == before
    elif does in (Does.SHOW_LINK, Does.HIDE_LINK, Does.PASTE, Does.STOP_PASTING):
        assert isinstance(then.state, Waiting)
        expected = GOES_TO[does]
        assert isinstance(expected, Waiting)
        assert (then.state.is_pasting, then.state.shows_link) == (expected.is_pasting, expected.shows_link)
    else:
        assert then.state == GOES_TO[does]


def test_no_state_has_one_key_for_two_things() -> None:
    for state in STATES.values():
        pressed = names(standing(state))

        assert len(set(pressed)) == len(pressed)


def test_nothing_but_a_key_of_the_prompt_opens_the_first_browser() -> None:
    """A-135: it has been said who asks for what."""
    opens = [name for name, state in STATES.items() if any(key.does is Does.OPEN for key in keys(standing(state)))]

    assert opens == ["prompting"]


def test_no_is_what_enter_says() -> None:
    assert [(key.key, key.does) for key in keys(standing(Confirming("Go on?")))][:2] == [("enter", Does.NO), ("y", Does.YES)]


@pytest.mark.parametrize(
    ("state", "event", "then"),
    [
        (Starting(), Asked("Go on?"), Confirming("Go on?")),
        (Starting(), Prompted(PROMPT), Prompting(PROMPT)),
        (Starting(), Ended(None), Done(None, was_asked=False)),
        (Starting(), Ended(GRANT), Done(GRANT, was_asked=False)),
        (Prompting(PROMPT), Away(PROMPT, WAITING.url, True, None, 300.0), WAITING),
        (Prompting(PROMPT), Refused(DENIED), Failed(DENIED)),
        (WAITING, Rejected("Not this one."), replace(WAITING, rejected="Not this one.")),
        (WAITING, NotOpened(), replace(WAITING, opened=False, obstacle="none could be opened")),
        (WAITING, Said("Copied."), replace(WAITING, said="Copied.")),
        (WAITING, SavingBegan(), Saving()),
        (WAITING, Refused(DENIED), Failed(DENIED)),
        (Saving(), Noted("More."), Saving(("More.",))),
        (Saving(("More.",)), Ended(GRANT), Done(GRANT, ("More.",))),
        (Saving(), Refused(DENIED), Failed(DENIED)),
        (Failed(DENIED), Said("Copied."), Failed(DENIED, "Copied.")),
    ],
)
def test_what_a_login_says_leads_on(state: State, event: Event, then: State) -> None:
    assert after(standing(state), event).state == then


@pytest.mark.parametrize("event", [Asked("Go on?"), Prompted(PROMPT), SavingBegan(), Noted("x"), Refused(DENIED), Ended(GRANT)])
@pytest.mark.parametrize("name", ["done", "failed", "closed"])
def test_what_a_login_says_after_its_end_changes_nothing(name: str, event: Event) -> None:
    before = standing(STATES[name])

    assert after(before, event) == before


def test_after_a_wrong_address_the_person_is_where_they_were() -> None:
    """The login asks for another one."""
    rejected = after(standing(replace(WAITING, shows_link=True)), Rejected("Not this one."))

    again = after(rejected, Away(PROMPT, WAITING.url, False, None, 250.0))

    assert again.state == replace(WAITING, shows_link=True, rejected="Not this one.", ends_at=250.0)


def test_what_is_signed_in_is_told_apart_from_what_is_not() -> None:
    signing = SigningIn.of([ONE, TWO, THREE])

    for event in (Ended(GRANT), Does.NEXT, Does.SKIP, Ended(None), Does.NEXT):
        signing = after(signing, event)

    assert signing.state == Closed()
    assert signing.outcome == SignInOutcome((ONE, THREE), (TWO,))


def test_esc_dismisses_all_that_are_left() -> None:
    signing = after(after(SigningIn.of([ONE, TWO, THREE]), Ended(GRANT)), Does.CLOSE)

    assert signing.outcome == SignInOutcome((ONE,), (TWO, THREE))


def test_retry_asks_the_same_once_more() -> None:
    """W16."""
    wanted = SignIn("linear", "work", ("admin",), again=True)

    signing = after(after(SigningIn.of([wanted]), Refused(DENIED)), Does.RETRY)

    assert (signing.state, signing.current) == (Starting(), wanted)


def test_a_login_that_ended_while_its_skip_was_pressed_has_ended() -> None:
    signing = after(after(SigningIn.of([ONE, TWO]), Ended(GRANT)), Does.SKIP)

    assert signing.state == Done(GRANT, was_asked=False)


def test_an_empty_queue_is_closed() -> None:
    assert SigningIn.of([]).state == Closed()


EVENTS = st.one_of(
    st.sampled_from(Does),
    st.sampled_from(
        [
            Asked("Go on?"),
            Prompted(PROMPT),
            Away(PROMPT, WAITING.url, True, None, 300.0),
            Away(PROMPT, WAITING.url, False, "SSH session", 300.0),
            NotOpened(),
            Rejected("Not this one."),
            Said("Copied."),
            SavingBegan(),
            Noted("More."),
            Ended(GRANT),
            Ended(None),
            Refused(DENIED),
        ]
    ),
)


@given(st.lists(EVENTS, max_size=30), st.integers(1, 3))
def test_whatever_happens_esc_leads_out(events: list[Event], count: int) -> None:
    signing = SigningIn.of([ONE, TWO, THREE][:count])
    for event in events:
        signing = after(signing, event)

    for _ in range(2):  # one for what may lie over the dialog
        escape = next((key.does for key in keys(signing) if key.key == "escape"), None)
        signing = signing if escape is None else after(signing, escape)

    assert signing.state == Closed()
    assert len(signing.outcome.signed_in) + len(signing.outcome.dismissed) == count


@given(st.lists(EVENTS, max_size=30))
def test_whatever_happens_each_is_signed_in_once_at_most(events: list[Event]) -> None:
    signing = SigningIn.of([ONE, TWO])
    for event in events:
        signing = after(signing, event)

    assert len(set(signing.signed_in)) == len(signing.signed_in)


def test_grace_ends_when_nobody_has_typed_for_a_while() -> None:
    grace = Grace(100.0)

    assert grace.swallows(100.0 + QUIET - 0.001)
    assert grace.swallows(100.0 + QUIET + 0.1)
    assert not grace.swallows(100.0 + 3 * QUIET)
