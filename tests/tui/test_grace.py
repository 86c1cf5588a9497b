"""A key that was meant for something else does not land in a dialog that appears by itself."""

from handstamp.tui.grace import QUIET, Grace

SHOWN = 100.0
A_MOMENT = QUIET / 2


def test_a_key_at_the_moment_when_it_appears_does_not_count() -> None:
    assert Grace(SHOWN).swallows(SHOWN)


def test_a_key_after_a_pause_counts() -> None:
    assert not Grace(SHOWN).swallows(SHOWN + QUIET)


def test_a_hand_that_goes_on_typing_lands_nowhere() -> None:
    grace = Grace(SHOWN)

    assert all(grace.swallows(SHOWN + key * A_MOMENT) for key in range(1, 50))


def test_the_pause_begins_anew_with_each_key_that_did_not_count() -> None:
    grace = Grace(SHOWN)
    grace.swallows(SHOWN + A_MOMENT)

    assert not grace.is_over(SHOWN + QUIET)
    assert grace.is_over(SHOWN + 2 * QUIET)


def test_once_a_key_has_counted_the_next_counts_however_soon() -> None:
    grace = Grace(SHOWN)
    grace.swallows(SHOWN + QUIET)

    assert not grace.swallows(SHOWN + QUIET)
