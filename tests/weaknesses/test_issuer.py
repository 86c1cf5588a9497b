"""An issuer is compared as it is written: with its slash or without."""

import pytest

from authority import Authority, StartAuthority
from handstamp.errors import IssuerMismatch
from weaknesses.machine import Machine, call


def add_slash(site: Authority) -> None:
    """From now on its metadata, and the server's, name an issuer that ends in a slash."""
    site.turn(issuer_in_metadata=f"{site.issuer}/", authorization_servers=(f"{site.issuer}/",))


def test_an_issuer_with_a_slash_and_an_iss_with_the_same_slash_belong_together(
    machine: Machine, authority: StartAuthority
) -> None:
    """W9: the reference trimmed one of the two and refused its own answer."""
    site = authority()
    add_slash(site)
    site.turn(iss="trailing slash")

    vault = machine.sign_in(site)

    assert machine.stored(site).key.issuer == f"{site.issuer}/"
    assert call(vault, site.server_url) == 200


@pytest.mark.parametrize("issuer_has_slash", [True, False], ids=["only the issuer has it", "only iss has it"])
def test_a_slash_on_one_side_only_is_another_issuer(issuer_has_slash: bool, machine: Machine, authority: StartAuthority) -> None:
    """W9, A-87: evening it out would be the start of a mix-up."""
    site = authority()
    if issuer_has_slash:
        add_slash(site)
    site.turn(iss="right" if issuer_has_slash else "trailing slash")

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login(site.server_url)

    assert site.token_requests == []


def test_a_right_iss_that_was_not_advertised_is_accepted(machine: Machine, authority: StartAuthority) -> None:
    """W9: the reference refused it."""
    site = authority()
    site.turn(no_iss_advertised=True)

    vault = machine.sign_in(site)

    assert call(vault, site.server_url) == 200


def test_a_wrong_iss_that_was_not_advertised_is_refused(machine: Machine, authority: StartAuthority) -> None:
    """A-85, W9: being lenient about the announcement is not being lenient about the value."""
    site = authority()
    site.turn(no_iss_advertised=True, iss="wrong")

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login(site.server_url)

    assert site.token_requests == []
