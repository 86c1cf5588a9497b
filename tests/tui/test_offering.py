"""The sign-in dialog comes by itself once for each need, and dismissed stays dismissed (W16)."""

from handstamp.hosts.state import ConnectionState, ConnectionStatus
from handstamp.tui.offering import Offering
from handstamp.tui.sign_in import SignIn, SignInOutcome
from tui.app_rows import a_row
from tui.fake_hosts import NOON

NEEDS = a_row("linear", ConnectionStatus.NEEDS_LOGIN)
STARTS = a_row("slack", ConnectionStatus.STARTING)
LINEAR = SignIn("linear")


def test_all_that_need_a_login_are_asked_for_in_one_dialog() -> None:
    other = a_row("notion", ConnectionStatus.NEEDS_LOGIN)

    assert Offering().due([NEEDS, a_row("github"), other], NOON) == [LINEAR, SignIn("notion")]


def test_servers_that_have_just_begun_to_start_may_join() -> None:
    offering = Offering()

    assert offering.due([NEEDS, STARTS], NOON + 1) == []
    assert offering.due([NEEDS, STARTS], NOON + 2) == [LINEAR]


def test_what_was_dismissed_is_not_asked_for_again() -> None:
    offering = Offering()
    offering.opened([LINEAR])
    offering.closed(SignInOutcome((), (LINEAR,)))

    assert offering.due([NEEDS], NOON) == []


def test_what_was_signed_in_to_may_be_asked_for_when_it_needs_it_once_more() -> None:
    offering = Offering()
    offering.opened([LINEAR])
    offering.closed(SignInOutcome((LINEAR,), ()))

    assert offering.due([NEEDS], NOON) == [LINEAR]


def test_the_network_and_more_access_are_no_reason_to_ask() -> None:
    """W5, W17."""
    states = (ConnectionStatus.UNREACHABLE, ConnectionStatus.ERROR, ConnectionStatus.NEEDS_MORE_ACCESS)

    assert Offering().due([a_row(each.value, each) for each in states], NOON) == []
    assert ConnectionState(ConnectionStatus.ERROR, NOON).scopes == ()
