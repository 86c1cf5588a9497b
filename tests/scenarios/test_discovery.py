"""Servers whose metadata is hard to find, out of order or not there."""

import pytest

from authority import Knobs, StartAuthority
from handstamp.errors import DiscoveryFailed, TemporarilyUnavailable
from scenarios.wire_log import asked, steps
from weaknesses.machine import Machine, call

RESOURCE = "/.well-known/oauth-protected-resource"
OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
OUT_OF_ORDER = (503, "")


def test_of_several_challenges_in_one_header_ours_is_read_and_its_address_asked_with_its_query(
    machine: Machine, authority: StartAuthority
) -> None:
    """A-06, A-09, A-11. Branch `metadata-query-params` of the official suite: a query belongs to the address."""
    site = authority(Knobs(resource_metadata_at="root"))
    address = f"{site.server_url.removesuffix('/mcp')}{RESOURCE}?t=1&of=mcp"
    others = 'Negotiate, Basic realm="a, Bearer scope=\\"all\\"", Digest qop="auth", nonce="n"'
    site.turn(challenge=f'{others}, bEARER scope="read" , resource_metadata="{address}", error=invalid_token, DPoP algs="ES256"')

    machine.sign_in(site)

    assert asked(site)[:2] == ["server POST /mcp", f"server GET {RESOURCE}"]
    assert site.requests_to(RESOURCE)[0].query == {"t": "1", "of": "mcp"}
    assert site.requests_to("/authorize")[0].query["scope"].split() == ["read", "offline_access"]


def test_one_document_that_is_out_of_order_does_not_hide_another(machine: Machine, authority: StartAuthority) -> None:
    """A-10, A-24, 4.2: neither the resource's nor the authorization server's, and the order stays."""
    broken = {f"{RESOURCE}/mcp": OUT_OF_ORDER, OAUTH: OUT_OF_ORDER}
    site = authority(Knobs(resource_metadata_at="root", resource_metadata_absent=True, metadata_at="openid", redirects=broken))

    vault = machine.sign_in(site)

    assert asked(site)[1:5] == [
        f"server GET {RESOURCE}/mcp",
        f"server GET {RESOURCE}",
        f"authority GET {OAUTH}",
        f"authority GET {OPENID}",
    ]
    assert call(vault, site.server_url) == 200


@pytest.mark.parametrize("status", [500, 503, 429])
def test_no_authorization_server_is_asked_before_the_resource_names_one(
    status: int, machine: Machine, authority: StartAuthority
) -> None:
    """A-07, decision 10: while nobody knows what the metadata says, nothing is guessed in its place."""
    site = authority(Knobs(redirects={f"{RESOURCE}/mcp": (status, ""), RESOURCE: (status, "")}))

    with pytest.raises(TemporarilyUnavailable):
        machine.vault().sync.login(site.server_url)

    assert asked(site) == ["server POST /mcp", f"server GET {RESOURCE}/mcp", f"server GET {RESOURCE}"]


@pytest.mark.parametrize("path", ["", "/tenant1"])
def test_without_the_issuers_metadata_nothing_takes_its_place(path: str, machine: Machine, authority: StartAuthority) -> None:
    """A-28: the endpoints that were guessed at the MCP server would get the client's secret (CVE-2026-115563)."""
    site = authority(Knobs(metadata_at="nowhere", metadata_path_issuer=path))

    with pytest.raises(DiscoveryFailed):
        machine.vault().sync.login(site.server_url)

    assert steps(site) == []
    assert [line for line in asked(site) if line.startswith("server")] == ["server POST /mcp", f"server GET {RESOURCE}/mcp"]
