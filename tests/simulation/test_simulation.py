"""A short run of the simulator; `make simulate` is the long one."""

import pytest

from simulation.choices import Drawn, Given
from simulation.history import run_history
from simulation.running import Share, run_share, tell
from simulation.story import Story

HISTORIES = 700


@pytest.fixture(scope="module")
def share() -> Share:
    return run_share("test", range(HISTORIES))


def test_no_invariant_is_broken_in_some_hundred_histories(share: Share) -> None:
    """TE9 to TE19, as far as one grant of one machine goes; what each kind of server does with a second use."""
    stories = [f"{each.invariant}: {each.says}\n{tell(each)[1]}" for each in share.failed[:1]]

    assert not stories, stories[0]
    assert share.histories == HISTORIES


def test_what_should_go_wrong_goes_wrong_in_them(share: Share) -> None:
    for state in (
        "killed with a refresh pending",
        "a refresh token is sent again",
        "a family is revoked for reuse",
        "a lock is waited for",
        "event: adopted",
        "event: needs_login",
        "a caller gets StoreUnreachable",
        "a caller gets TimedOut",
        "the machine sleeps",
        "the clock is set",
    ):
        assert share.counted[state], f"{state}: never"


def test_the_same_choices_tell_the_same_story() -> None:
    drawn, first, second = Drawn("test/7"), Story(), Story()

    run_history(drawn, story=first)
    run_history(Given(drawn.taken), story=second)

    assert str(first) == str(second)
    assert len(first.lines) > 10


def test_zeros_tell_of_an_ordinary_day() -> None:
    story = Story()

    history = run_history(Given([]), story=story)

    assert not history.violations
    assert [line.split(maxsplit=2)[2] for line in story.lines if " sends " in line] == ["sends rt-1", "sends rt-2"]
