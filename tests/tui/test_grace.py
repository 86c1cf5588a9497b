"""A key that was meant for something else does not land in a dialog that appears by itself."""

from handstamp.tui.grace import QUIET_SECONDS, Grace

SHOWN = 100.0
A_MOMENT = QUIET_SECONDS / 2


def test_a_key_at_the_moment_when_it_appears_does_not_count() -> None:
    assert not Grace(SHOWN).counts(SHOWN)


def test_a_key_after_a_pause_counts() -> None:
    assert Grace(SHOWN).counts(SHOWN + QUIET_SECONDS)


def test_a_hand_that_goes_on_typing_lands_nowhere() -> None:
    grace = Grace(SHOWN)

    assert not any(grace.counts(SHOWN + key * A_MOMENT) for key in range(1, 50))


def test_the_pause_begins_anew_with_each_key_that_did_not_count() -> None:
    grace = Grace(SHOWN)
    grace.counts(SHOWN + A_MOMENT)

    assert not grace.counts(SHOWN + QUIET_SECONDS)
    assert grace.counts(SHOWN + 3 * QUIET_SECONDS)


def test_once_a_key_has_counted_the_next_counts_however_soon() -> None:
    grace = Grace(SHOWN)
    grace.counts(SHOWN + QUIET_SECONDS)

    assert grace.counts(SHOWN + QUIET_SECONDS)
