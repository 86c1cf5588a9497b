"""Programs with credentials of their own, at oidc-provider: by a secret and by keys, from the command to a tool's answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.home import Home
from interop.servers import OidcSite, oidc
from signing import Algorithm, make_keys

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("programs")]

SECRET = "a secret / with : and + in it"
ALGORITHMS: list[Algorithm] = ["ES256", "RS256", "EdDSA"]
MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}


@pytest.fixture(scope="module")
def site() -> Iterator[OidcSite]:
    """Knows one program by its secret, and one for each kind of key."""
    by_secret: dict[str, object] = {
        **MACHINE,
        "client_id": "by-secret",
        "client_secret": SECRET,
        "token_endpoint_auth_method": "client_secret_basic",
    }
    with oidc(clients=[by_secret, *map(client_with_key, ALGORITHMS)], registration=False, strict=True) as started:
        yield started


def client_with_key(algorithm: str) -> dict[str, object]:
    return {
        **MACHINE,
        "client_id": f"by-{algorithm}",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": algorithm,
        "jwks": {"keys": [make_keys(algorithm).public_jwk(use="sig")]},
    }


@pytest.fixture
def home(site: OidcSite, tmp_path: Path) -> Home:
    return Home(tmp_path, site.server_url)


def add(home: Home, site: OidcSite, client_id: str, *proof: str) -> None:
    given = ["--grant-type", "client_credentials", "--client-id", client_id, "--issuer", site.issuer, *proof]
    added = home.run("add", "notes", site.server_url, *given)
    assert added.code == 0, added.shown


def test_a_secret_with_odd_characters_calls_a_tool(site: OidcSite, home: Home) -> None:
    """A-137, A-139, A-95: Basic as RFC 6749 has it, and a resource that is compared byte for byte."""
    home.environment["CI_SECRET"] = SECRET
    add(home, site, "by-secret", "--client-secret-from", "env:CI_SECRET")

    told = home.who_am_i()

    assert (told["client_id"], told["scopes"]) == ("by-secret", ["notes:read"])
    assert home.visits == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_calls_a_tool(algorithm: Algorithm, site: OidcSite, home: Home) -> None:
    """A-137, A-140, A-141: the server verifies the assertion, its audience and that it was not seen before."""
    key = home.path / "key.pem"
    key.write_text(make_keys(algorithm).private_pem)
    add(home, site, f"by-{algorithm}", "--private-key-from", f"file:{key}")

    told = home.who_am_i()

    assert told["client_id"] == f"by-{algorithm}"
    assert site.counts().registrations == 0


def test_a_token_that_has_ended_is_followed_by_another(site: OidcSite, home: Home) -> None:
    """A-142: eight programs at once ask for one."""
    key = home.path / "key.jwk"
    key.write_text(json.dumps(make_keys("ES256").private_jwk()))
    add(home, site, "by-ES256", "--private-key-from", f"file:{key}")
    home.who_am_i()
    before = site.counts().codes

    site.expire()
    ran = home.run_program(processes=8)

    assert ran.code == 0, ran.shown
    assert site.counts().codes - before == 1


def test_a_key_that_the_server_does_not_know_is_refused_and_nothing_else_is_tried(site: OidcSite, home: Home) -> None:
    key = home.path / "key.pem"
    key.write_text(make_keys("ES256", owner="somebody else").private_pem)
    add(home, site, "by-ES256", "--private-key-from", f"file:{key}")
    before = len(site.counts().refused)

    refused = home.run("login", "notes", "--json")

    assert refused.code == 1
    assert '"code": "invalid_client"' in refused.err
    assert len(site.counts().refused) - before <= 1
