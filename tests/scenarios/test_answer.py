"""Authorization servers whose answer lacks its state, or has more than anybody asked for."""

import pytest

from authority import Knobs, StartAuthority
from handstamp.errors import InvalidGrant, LoginTimedOut
from scenarios.wire_log import forms, steps
from weaknesses.machine import Machine

LONG = {f"parameter-{number}": "x" * 20 for number in range(100)}


@pytest.mark.parametrize("knobs", [Knobs(state="missing"), Knobs(state="wrong")], ids=["missing", "wrong"])
def test_an_answer_without_its_state_is_dropped(knobs: Knobs, machine: Machine, authority: StartAuthority) -> None:
    """A-75: whoever sent it, the code in it goes nowhere, and the sign-in waits on until its time is over."""
    site = authority(knobs)

    with pytest.raises(LoginTimedOut):
        machine.vault().sync.login(site.server_url, deadline=0.2)

    assert steps(site) == ["register", "authorize"]
    assert "not the sign-in" in machine.browser.wait().body


def test_a_long_code_among_parameters_that_nobody_knows_is_redeemed_whole(machine: Machine, authority: StartAuthority) -> None:
    """A-90. The authorization server does not know this code, and says so."""
    code = "c" * 4000
    site = authority(Knobs(authorization_response={"code": code, "session_state": "", **LONG}))

    with pytest.raises(InvalidGrant):
        machine.vault().sync.login(site.server_url)

    assert [form["code"] for form in forms(site, "authorization_code")] == [code]
