"""A server of 2025-03-26, from a login to a logout: it is its own authorization server, once a person has said so."""

from urllib.parse import parse_qs, urlsplit

import pytest

from authority import Authority, Knobs, StartAuthority
from handstamp.errors import DiscoveryFailed, HandstampError, IssuerMismatch, LoginRequired, PkceUnsupported, UsageError
from handstamp.model import DISCOVERED, ClientSettings, Grant, LoginPrompt
from handstamp.ports import Presenter
from handstamp.settings import ServerSettings
from handstamp.vault import Vault
from weaknesses.machine import Machine, Person, call

OLDER = Knobs(older=True, resource_metadata_at="nowhere", resource_metadata_absent=True, no_iss_advertised=True, iss="missing")
ENDPOINTS = ("authorize", "register", "token", "revoke")


class Answering(Person):
    """Says yes or no to all questions, and keeps them and the notes."""

    def __init__(self, *, agrees: bool = True) -> None:
        super().__init__()
        self.questions: list[str] = []
        self.notes: list[str] = []
        self._agrees = agrees

    async def confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self._agrees

    async def prompt(self, prompt: LoginPrompt) -> bool:
        self.notes += prompt.notes
        return True


def origin_of(site: Authority) -> str:
    return site.server_url.removesuffix("/mcp")


def started(authority: StartAuthority, kind: str) -> Authority:
    """With metadata, whose endpoints are under /oauth, or without any."""
    site = authority(OLDER)
    if kind == "defaults":
        site.turn(metadata_at="nowhere")
    else:
        endpoints = {"authorization": "authorize", "token": "token", "registration": "register"}
        below = f"{origin_of(site)}/oauth"
        site.turn(server_metadata={f"{name}_endpoint": f"{below}/{path}" for name, path in endpoints.items()})
    return site


def become(site: Authority, knobs: Knobs) -> None:
    site.turn(**{name: getattr(knobs, name) for name in Knobs.__slots__})


def signed_in(machine: Machine, server: str, presenter: Presenter | None, *, again: bool = True) -> Grant:
    grant = machine.vault().sync.login(server, presenter=presenter, again=again)
    assert grant is not None
    return grant


def steps(site: Authority) -> list[str]:
    """What was asked besides metadata and the MCP server."""
    return [name for seen in site.log if (name := seen.path.rpartition("/")[2]) in ENDPOINTS]


@pytest.mark.parametrize("kind", ["metadata", "defaults"])
def test_once_a_person_agrees_everything_works(kind: str, machine: Machine, authority: StartAuthority) -> None:
    """A-66, A-167, A-168, A-170: conformance auth/2025-03-26-oauth-metadata-backcompat and -endpoint-fallback."""
    site = started(authority, kind)
    person = Answering()

    grant = signed_in(machine, site.server_url, person)
    asked_for_login = [seen for seen in site.log if seen.path != "/callback"]
    machine.expire(site)
    status = call(machine.vault(), site.server_url)
    reports = machine.vault().sync.logout(site.server_url)

    [question] = person.questions
    assert urlsplit(site.server_url).netloc in question
    assert grant.key.issuer == origin_of(site)
    assert steps(site)[:3] == ["register", "authorize", "token"]
    assert len(asked_for_login) == 7
    assert (status, site.refreshes) == (200, 1)
    assert [form["resource"] for form in site.token_requests] == [site.server_url] * 2
    assert {seen.at for seen in site.log} == {"server"}
    assert (len(reports), machine.vault().grants()) == (1, [])


def test_pkce_is_sent_to_a_server_that_cannot_say_that_it_does_it(machine: Machine, authority: StartAuthority) -> None:
    """4.4, A-30."""
    site = started(authority, "defaults")

    signed_in(machine, site.server_url, Answering())

    [address] = machine.browser.opened
    assert parse_qs(urlsplit(address).query)["code_challenge_method"] == ["S256"]
    assert "code_verifier" in site.token_requests[0]


@pytest.mark.parametrize("presenter", [None, Answering(agrees=False)], ids=["nobody to ask", "a no"])
def test_without_a_yes_nothing_is_asked_but_metadata(
    presenter: Answering | None, machine: Machine, authority: StartAuthority
) -> None:
    """4.5."""
    site = started(authority, "defaults")

    with pytest.raises(DiscoveryFailed, match="2025-03-26") as raised:
        machine.vault().sync.login(site.server_url, presenter=presenter)

    assert raised.value.hint == f"handstamp add 127.0.0.1 {site.server_url} --authorization-revision 2025-03-26"
    assert (steps(site), machine.browser.opened) == ([], [])


def test_the_settings_can_say_yes_once_and_for_all(machine: Machine, authority: StartAuthority) -> None:
    """4.5: the error's hint, followed."""
    site = started(authority, "metadata")
    machine.home.name("old", site.server_url, authorization_revision="2025-03-26")

    signed_in(machine, "old", None)

    assert call(machine.vault(), site.server_url) == 200


def test_a_yes_is_asked_for_once(machine: Machine, authority: StartAuthority) -> None:
    site = started(authority, "metadata")
    person = Answering()

    signed_in(machine, site.server_url, person)
    signed_in(machine, site.server_url, person)
    signed_in(machine, site.server_url, None)

    assert len(person.questions) == 1
    assert site.counts["registrations"] == 1


def test_a_server_that_moves_to_the_newer_way_is_signed_in_to_that_way(machine: Machine, authority: StartAuthority) -> None:
    """The setting is for what is not found; it never stands in the way of what is."""
    site = started(authority, "metadata")
    machine.home.name("old", site.server_url, authorization_revision="2025-03-26")
    signed_in(machine, "old", None)
    become(site, Knobs())

    grant = signed_in(machine, "old", None)

    assert grant.key.issuer == site.issuer


def test_a_server_that_falls_back_to_the_older_way_names_whom_you_leave(machine: Machine, authority: StartAuthority) -> None:
    """TA19, TB11: what went to the authorization server before does not go to the server itself."""
    site = authority()
    kept = signed_in(machine, site.server_url, None)
    become(site, OLDER)
    person = Answering()

    moved = signed_in(machine, site.server_url, person)

    [note] = person.notes
    assert site.issuer in note
    assert len(person.questions) == 1
    assert moved.registration.client_id != kept.registration.client_id


def test_a_server_that_claims_the_issuer_of_another_gets_nothing(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-170, TB1: CVE-2026-115563."""
    honest, rogue = authority(), started(authority, "metadata")
    rogue.turn(issuer_in_metadata=honest.issuer, clients={"mine": "a-secret"}, auth_methods=("client_secret_post",))
    monkeypatch.setenv("SECRET", "a-secret")
    client = {"client_id": "mine", "client_secret_from": "env:SECRET", "issuer": honest.issuer}
    machine.home.name("rogue", rogue.server_url, authorization_revision="2025-03-26", **client)

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login("rogue", presenter=Answering())

    assert (steps(rogue), honest.log, machine.browser.opened) == ([], [], [])


@pytest.mark.parametrize("settings", [{}, {"client_id": "mine"}], ids=["no client", "a client"])
@pytest.mark.parametrize("kind", ["metadata", "defaults"])
def test_what_is_configured_for_another_issuer_stays_away(
    kind: str, settings: dict[str, str], machine: Machine, authority: StartAuthority
) -> None:
    """A-62, A-170."""
    site = started(authority, kind)
    machine.home.name("old", site.server_url, issuer="https://login.example", **settings)
    person = Answering()

    with pytest.raises(IssuerMismatch, match=r"https://login\.example"):
        machine.vault().sync.login("old", presenter=person)

    assert (steps(site), person.questions) == ([], [])


def test_a_secret_needs_its_issuer_in_the_settings(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4.5, 4.6: elsewhere a yes is enough; here the server does not even say who it is."""
    site = started(authority, "defaults")
    site.turn(clients={"mine": "a-secret"}, auth_methods=("client_secret_basic",))
    monkeypatch.setenv("SECRET", "a-secret")
    machine.home.name("old", site.server_url, client_id="mine", client_secret_from="env:SECRET")

    with pytest.raises(UsageError) as raised:
        machine.vault().sync.login("old", presenter=Answering())
    before = steps(site)
    machine.home.name("old", site.server_url, client_id="mine", client_secret_from="env:SECRET", issuer=origin_of(site))
    signed_in(machine, "old", Answering())

    assert raised.value.hint == f"handstamp add old {site.server_url} --issuer ISSUER"
    assert before == []
    assert steps(site) == ["authorize", "token"]


@pytest.mark.parametrize(
    ("knobs", "error"),
    [
        ({"no_code_challenge_methods": True}, PkceUnsupported),
        ({"no_s256": True}, PkceUnsupported),
        ({"iss": "wrong"}, IssuerMismatch),
        ({"no_iss_advertised": False}, IssuerMismatch),
    ],
    ids=["no pkce", "plain alone", "another iss", "no iss"],
)
def test_metadata_at_the_root_is_held_to_the_rules_of_today(
    knobs: dict[str, object], error: type[HandstampError], machine: Machine, authority: StartAuthority
) -> None:
    """4.4, 4.7, A-172."""
    site = started(authority, "metadata")
    site.turn(**knobs)

    with pytest.raises(error):
        machine.vault().sync.login(site.server_url, presenter=Answering())

    assert site.token_requests == []


def test_without_a_grant_the_command_to_sign_in_is_named(machine: Machine, authority: StartAuthority) -> None:
    site = started(authority, "defaults")

    with pytest.raises(LoginRequired):
        call(machine.vault(), site.server_url)
    ran = machine.home.fail("headers", site.server_url, code=4)

    assert ran.hint == f"handstamp login {site.server_url}"


def test_a_secret_of_whichever_issuer_is_discovered_is_not_for_an_older_server(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4.5, 4.6: it names none, so none was discovered."""
    site = started(authority, "defaults")
    monkeypatch.setenv("SECRET", "a-secret")
    client = ClientSettings(client_id="mine", client_secret_from="env:SECRET", issuer=DISCOVERED)
    server = ServerSettings("old", site.server_url, client, authorization_revision="2025-03-26")

    with (
        Vault.open(state=machine.home.state, config=machine.home.config, servers=[server]) as vault,
        pytest.raises(UsageError),
    ):
        vault.sync.login("old", presenter=Answering(), browser=machine.browser)

    assert steps(site) == []
