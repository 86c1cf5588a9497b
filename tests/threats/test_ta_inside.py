"""TA again, in a network of its own: what came of the sign-ins of `neighbourhood.py`, at addresses that are not loopback's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inside import run_inside

PROGRAM = Path(__file__).with_name("neighbourhood.py")
REFUSED = "forbidden_address"

each_leg = pytest.mark.parametrize("leg", ["resource_metadata", "issuer", "registration", "token", "revocation"])

Play = Callable[..., dict[str, Any]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return lambda *scenario: run_inside(PROGRAM, tmp_path, *scenario)


def is_refused(came: str) -> bool:
    """By its address: an error of a sign-in, or what a sign-out reports of the revocation."""
    elsewhere = "Expected the revocation endpoint"
    return came == REFUSED or came.startswith(("Expected a public address", "Expected an address", elsewhere))


@pytest.mark.parametrize("where", ["public", "private"])
def test_ta2_who_stays_where_they_are_signs_in_refreshes_calls_and_signs_out(where: str, play: Play) -> None:
    domain = "example" if where == "public" else "corp.example"

    seen = play(where)

    assert seen == {"issuer": f"https://auth.{domain}", "called": 200, "refreshes": 1, "revoked": [True]}


@each_leg
def test_ta2_no_leg_of_a_public_servers_sign_in_leads_inside(leg: str, play: Play) -> None:
    """TA1, TA3, TA4, TA11, TA12 too: somebody with a good certificate listens at each address, and nobody saw a connection."""
    seen = play("one_leg", leg)

    assert seen["outcomes"].pop("http://169.254.169.254") in ("insecure_url", "discovery_failed")
    assert len(seen["outcomes"]) == 8
    assert [origin for origin, came in seen["outcomes"].items() if not is_refused(came)] == []
    assert seen["connections"] == {}


@each_leg
def test_ta2_a_private_servers_sign_in_leads_to_private_servers_and_no_further_inside(leg: str, play: Play) -> None:
    seen = play("one_leg_from_private", leg)

    inner = {"private.example", "carrier.example", "unique-local.example"}
    refused = {origin for origin, came in seen["outcomes"].items() if is_refused(came)}
    assert {f"https://{name}" for name in ("loopback.example", "link-local.example", "alibaba.example", "aws.example")} <= refused
    # TE23: a token goes back to who gave it, and to no neighbour of theirs.
    assert set(seen["connections"]) == (set() if leg == "revocation" else inner)


def test_ta2_an_issuer_inside_has_to_be_configured_and_a_platform_has_none(play: Play) -> None:
    seen = play("configured")

    assert seen == {
        "as such": REFUSED,
        "as such: seen by": ["server"],
        "configured": "ok",
        "configured: seen by": ["authority", "server"],
        "configured on a platform": REFUSED,
        "configured on a platform: seen by": ["server"],
        "configured on a platform's own account": REFUSED,
        "configured on a platform's own account: seen by": ["server"],
    }


def test_ta2_a_platform_connects_to_public_servers_alone_whoever_names_them(play: Play) -> None:
    seen = play("platform")

    assert seen["outcomes"].pop("https://mcp.example/mcp") == "ok"
    assert set(seen["outcomes"].values()) == {REFUSED}
    assert (seen["connections"], seen["inner"]) == ({}, 0)


def test_ta7_a_name_that_moves_inside_between_two_connections_is_refused(play: Play) -> None:
    seen = play("rebinding")

    assert set(seen) == {"private.example", "loopback.example", "link-local.example"}
    assert [each for each in seen.values() if each != {"outcome": REFUSED, "outside": 1, "inside": 0}] == []
