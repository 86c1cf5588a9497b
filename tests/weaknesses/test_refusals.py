"""Not every no is the end of a sign-in, and silence is none at all."""

import httpx2
import pytest

from authority import Authority, StartAuthority
from handstamp.errors import ConnectFailed, HandstampError, MalformedResponse, TemporarilyUnavailable
from weaknesses.machine import Machine, Person, call


def test_a_plain_403_costs_neither_the_token_nor_the_registration(machine: Machine, authority: StartAuthority) -> None:
    """W5: a plan, an address, an administrator: the reference deleted the token and its client and asked for a login."""
    site = authority()
    vault = machine.sign_in(site)
    before, person = machine.stored(site), Person()
    site.turn(forbidden=True)

    status = call(vault, site.server_url, presenter=person)

    assert status == 403
    assert machine.stored(site) == before
    assert (person.asked, site.refreshes) == (0, 0)
    machine.sign_in(site, again=True)
    assert site.counts["registrations"] == 1


def test_one_transient_401_costs_one_refresh_and_no_person(machine: Machine, authority: StartAuthority) -> None:
    """W5: the reference always started the whole browser flow."""
    site = authority()
    vault = machine.sign_in(site)
    before, person = machine.stored(site), Person()
    site.turn(always_401=True)

    def mend(_: httpx2.Response) -> None:
        site.turn(always_401=False)

    status = call(vault, site.server_url, presenter=person, on_answer=mend)

    assert status == 200
    assert (person.asked, site.refreshes) == (0, 1)
    assert machine.stored(site).registration == before.registration
    assert machine.stored(site).token.refresh_token != before.token.refresh_token


@pytest.mark.parametrize(
    ("knobs", "error", "exit_code"),
    [
        ({"token_status": 503, "retry_after": "1"}, TemporarilyUnavailable, 3),
        ({"token_status": 500}, TemporarilyUnavailable, 3),
        ({"token_status": 429}, TemporarilyUnavailable, 3),
        ({"token_status": "html"}, MalformedResponse, 1),
    ],
    ids=["503", "500", "429", "a web page"],
)
def test_an_authorization_server_that_is_out_of_order_is_no_reason_to_sign_in(
    knobs: dict[str, object],
    error: type[HandstampError],
    exit_code: int,
    machine: Machine,
    authority: StartAuthority,
) -> None:
    """W17: the reference said "needs authentication" and asked the person."""
    site = authority()
    machine.sign_in(site)
    before, person = machine.expire(site), Person()
    site.turn(**knobs)

    with pytest.raises(error):
        call(machine.vault(), site.server_url, presenter=person)
    ran = machine.home.fail("token", site.server_url, code=exit_code)

    assert "login_required" not in ran.stderr
    assert person.asked == 0
    assert machine.stored(site).token == before.token
    site.turn(token_status=None)
    assert call(machine.vault(), site.server_url) == 200


def test_a_dead_network_is_no_reason_to_sign_in(machine: Machine) -> None:
    """W17."""
    with Authority() as site:
        machine.sign_in(site)
        before, person = machine.expire(site), Person()
    # Nobody listens at either address any more.

    with pytest.raises(ConnectFailed):
        call(machine.vault(), site.server_url, presenter=person)
    ran = machine.home.fail("token", site.server_url, code=3)

    assert "nothing listens" in ran.error
    assert person.asked == 0
    assert machine.stored(site).token == before.token
