"""A token for a workload, by the JWT that its platform gives it (RFC 7523 §2.1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from application.machines import NAME, Program, a_program
from authority import Authority, Knobs, StartAuthority
from handstamp.errors import InvalidClient, InvalidGrant, InvalidScope, IssuerMismatch, LoginRequired, ServerSaidNo
from handstamp.model import GrantType
from signing import make_keys

PLATFORM = "https://platform.example"
KEYS = make_keys(owner="a platform")


@pytest.fixture
def site(authority: StartAuthority) -> Authority:
    return authority(Knobs(assertion_keys={PLATFORM: KEYS.public_pem}))


@pytest.fixture
def workload(home: Path, site: Authority) -> Iterator[Program]:
    """Its platform writes the JWT into a file, and a new one now and then."""

    def renew() -> str:
        return KEYS.sign(iss=PLATFORM, sub="ns/prod/sa/reports", aud=site.issuer)

    with a_program(
        home, site, client_id=None, client_secret_from=None, grant_type=GrantType.JWT_BEARER, assertion_from=renew
    ) as program:
        yield program


def test_a_workload_trades_its_identity_for_a_token(workload: Program) -> None:
    """A-162, A-64: no secret, no client, no registration."""
    said = workload.who()

    [form] = workload.site.token_requests
    assert said == "ns/prod/sa/reports, allowed to read"
    assert set(form) == {"grant_type", "assertion", "resource", "scope"}
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert form["resource"] == workload.site.server_url
    assert workload.site.counts["registrations"] == 0


def test_a_client_that_has_a_name_there_says_it(workload: Program) -> None:
    """A-162: public all the same."""
    workload.site.turn(clients={"ci": ""})
    workload.configure(client_id="ci")

    workload.ask()

    assert workload.site.token_requests[0]["client_id"] == "ci"
    assert "client_secret" not in workload.site.token_requests[0]


def test_a_metadata_document_for_all_servers_is_none_of_a_workload_s(workload: Program) -> None:
    """A-162: it names who signs people in."""
    workload.configure(client_id_url="https://client.example/handstamp.json")

    assert workload.ask().status_code == 200
    assert "client_id" not in workload.site.token_requests[0]


def test_the_next_token_is_got_with_the_identity_of_then(workload: Program) -> None:
    """A-162: read anew at each use, since platforms renew it."""
    vault = workload.vault()
    workload.ask(vault)
    workload.site.expire_access_tokens()

    assert workload.ask(vault).status_code == 200
    first, second = (form["assertion"] for form in workload.site.token_requests)
    assert first != second


@pytest.mark.parametrize(
    ("error", "kind"),
    [("invalid_grant", InvalidGrant), ("invalid_scope", InvalidScope), ("unauthorized_client", InvalidClient)],
)
def test_a_refusal_is_told_and_nothing_else_is_tried(error: str, kind: type[ServerSaidNo], workload: Program) -> None:
    """A-163: neither the same again, nor another grant, nor a person."""
    workload.site.turn(machine_error=error)

    with pytest.raises(kind, match=error) as caught:
        workload.ask()

    assert not isinstance(caught.value, LoginRequired)
    assert len(workload.site.token_requests) == 1
    assert workload.site.counts["authorization_requests"] == 0


@pytest.mark.parametrize(
    "claims",
    [{"aud": "https://other.example"}, {"lifetime": -60}, {"iss": "https://another-platform.example"}],
    ids=["for another server", "ended", "of another platform"],
)
def test_an_identity_that_does_not_hold_there_is_refused_by_the_server(claims: dict[str, object], workload: Program) -> None:
    """A-162, A-163: as the suite's three."""
    usual: dict[str, object] = {"iss": PLATFORM, "sub": "x", "aud": workload.site.issuer}
    workload.configure(assertion_from=lambda: KEYS.sign(**(usual | claims)))  # type: ignore[arg-type]

    with pytest.raises(InvalidGrant):
        workload.ask()
    assert len(workload.site.token_requests) == 1


def test_a_rogue_server_gets_no_identity(workload: Program, authority: StartAuthority) -> None:
    """A-144, A-63: whoever has it could be the workload elsewhere, for as long as it lasts."""
    rogue = authority(Knobs(auth_methods=None))
    workload.site.turn(authorization_servers=(rogue.issuer,))

    with pytest.raises(IssuerMismatch):
        workload.ask()
    assert rogue.log == []


def test_a_file_that_holds_it_is_read_at_each_use(workload: Program) -> None:
    """A-143, A-162."""
    place = workload.home / "token"
    place.write_text(KEYS.sign(iss=PLATFORM, sub="from a file", aud=workload.site.issuer) + "\n")
    workload.configure(assertion_from=f"file:{place}")

    assert workload.who().startswith("from a file")
    grant = workload.vault().grant(NAME)
    assert grant is not None
    assert grant.registration.client_id == ""
