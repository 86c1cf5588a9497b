"""A token that has ended for good is no dead end: signing in again always helps."""

import pytest

from authority import Knobs, StartAuthority
from handstamp.errors import LoginRequired
from weaknesses.machine import Machine, Person, call

YEAR = 365 * 24 * 3600.0


def test_an_expired_token_without_a_refresh_token_needs_one_login_and_one_browser(
    machine: Machine, authority: StartAuthority
) -> None:
    """A-107, W1: the reference answered "token expired and refresh token is not set", to the person's own login too, for ever."""
    site = authority(Knobs(no_refresh_token=True))
    old = machine.sign_in(site).grant(site.server_url)
    machine.expire(site)
    vault = machine.vault()

    with pytest.raises(LoginRequired) as caught:
        vault.sync.token(site.server_url)
    new = vault.sync.login(site.server_url)

    assert caught.value.hint == f"handstamp login {site.server_url}"
    assert old is not None
    assert new is not None
    assert new.token.access_token != old.token.access_token
    assert len(machine.browser.opened) == 2
    assert site.refreshes == 0


def test_a_request_with_a_presenter_signs_in_where_the_token_cannot_be_renewed(
    machine: Machine, authority: StartAuthority
) -> None:
    """W1: whoever handed in a person to ask gets them asked, and not a dead end."""
    site = authority(Knobs(no_refresh_token=True))
    machine.sign_in(site)
    machine.expire(site)
    person = Person()

    status = call(machine.vault(), site.server_url, presenter=person)

    assert (status, person.asked) == (200, 1)


def test_a_token_without_expires_in_is_good_until_a_401_says_otherwise(machine: Machine, authority: StartAuthority) -> None:
    """W1: the reference took it for one that ended in 1970."""
    site = authority(Knobs(no_refresh_token=True, no_expires_in=True))
    machine.sign_in(site)
    machine.clock.move(YEAR)
    vault = machine.vault()

    still_good = call(vault, site.server_url)
    site.expire_access_tokens()
    with pytest.raises(LoginRequired):
        call(vault, site.server_url)
    person = Person()
    again = call(vault, site.server_url, presenter=person)

    assert (still_good, again) == (200, 200)
    assert person.asked == 1


def test_a_token_without_expires_in_is_renewed_after_a_401_where_that_can_be(machine: Machine, authority: StartAuthority) -> None:
    """W1."""
    site = authority(Knobs(no_expires_in=True))
    vault = machine.sign_in(site)
    machine.clock.move(YEAR)

    still_good, refreshes = call(vault, site.server_url), site.refreshes
    site.expire_access_tokens()
    status = call(vault, site.server_url)

    assert (still_good, refreshes) == (200, 0)
    assert (status, site.refreshes) == (200, 1)
    assert len(machine.browser.opened) == 1
