"""Refresh tokens: when they are sent, for what, and how often."""

import pytest

from authority import StartAuthority
from handstamp.errors import LoginRequired
from scenarios.wire_log import forms, steps
from weaknesses.machine import Machine, call, reveal


def test_a_token_is_renewed_before_it_ends_for_its_resource_and_nobody_is_refused(
    machine: Machine, authority: StartAuthority
) -> None:
    """A-64: in the background while the old token still serves; then everybody has the new one."""
    site = authority()
    vault = machine.sign_in(site)
    machine.clock.move(3600 - 60)

    meanwhile = call(vault, site.server_url)
    assert site.token_request_arrived.wait(20)
    machine.clock.move(50)  # now whoever asks waits for it
    afterwards = call(vault, site.server_url)

    [refresh] = forms(site, "refresh_token")
    bearers = [seen.bearer for seen in site.requests_to("/mcp") if seen.bearer]
    assert (meanwhile, afterwards) == (200, 200)
    assert refresh["resource"] == site.server_url
    assert len(set(bearers)) == len(bearers) == 2


def test_each_refresh_token_is_sent_once_and_the_next_one_after_it(machine: Machine, authority: StartAuthority) -> None:
    """A-108: the authorization server ends the grant where one comes back."""
    site = authority()
    vault = machine.sign_in(site)
    given = [reveal(machine.stored(site).token.refresh_token)]

    for _ in range(3):
        site.expire_access_tokens()
        assert call(vault, site.server_url) == 200
        given.append(reveal(machine.stored(site).token.refresh_token))

    assert [form["refresh_token"] for form in forms(site, "refresh_token")] == given[:-1]
    assert len(set(given)) == 4


def test_after_invalid_grant_the_whole_flow_begins_anew(machine: Machine, authority: StartAuthority) -> None:
    """A-110: and not before a person wants it; the refused token is never sent again."""
    site = authority()
    vault = machine.sign_in(site)
    machine.expire(site)
    site.revoke_everything()
    before = len(steps(site))

    for _ in range(2):
        with pytest.raises(LoginRequired):
            call(vault, site.server_url)
    refused = steps(site)[before:]
    status = call(machine.sign_in(site), site.server_url)

    assert (refused, status) == (["token"], 200)
    assert steps(site)[before + 1 :] == ["authorize", "token"]
    assert len(forms(site, "refresh_token")) == 1
