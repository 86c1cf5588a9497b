"""A server that moves to another authorization server: what was got at the old one stays there, and a person signs in anew."""

import pytest

from authority import Authority, Knobs, StartAuthority
from handstamp.errors import IssuerMismatch, LoginRequired
from handstamp.model import RegistrationKind
from weaknesses.machine import Machine, Person, call, reveal

A_MINUTE = 61.0


def call_in_session(machine: Machine, site: Authority, person: Person) -> int:
    """As a program does that has a presenter at hand."""
    return call(machine.vault(), site.server_url, presenter=person)


def was_shown(old: list[object], site: Authority) -> bool:
    """Whether anything of the old issuer's came to this authorization server."""
    texts = [str(value).encode() for value in old if value]
    return any(text in seen.body or text in str(seen.query).encode() for seen in site.log for text in texts)


@pytest.mark.parametrize("renews", [True, False], ids=["the old one still renews", "nothing to renew with"])
@pytest.mark.parametrize("later", [0.0, A_MINUTE], ids=["at once", "later"])
def test_a_session_goes_on_after_one_more_sign_in(
    later: float, *, renews: bool, machine: Machine, authority: StartAuthority
) -> None:
    """A-15, A-18, A-19, A-60, A-61: conformance auth/authorization-server-migration."""
    old, new = authority(Knobs(no_refresh_token=not renews)), authority()
    machine.sign_in(old)
    kept = machine.stored(old)
    person = Person()

    before = call_in_session(machine, old, person)
    old.move_to(new)
    machine.clock.move(later)
    after = call_in_session(machine, old, person)
    again = call_in_session(machine, old, person)

    assert (before, after, again) == (200, 200, 200)
    assert person.asked == 1
    assert (old.refreshes, new.refreshes, new.counts["registrations"]) == (int(renews), 0, 1)
    assert machine.stored(old).key.issuer == new.issuer
    token = kept.token
    assert not was_shown([kept.registration.client_id, reveal(token.access_token), reveal(token.refresh_token)], new)


def test_without_a_presenter_the_command_to_sign_in_is_named_and_works(machine: Machine, authority: StartAuthority) -> None:
    """A-61: `handstamp login` alone, for it asks the server whether it honours what is stored."""
    old, new = authority(), authority()
    machine.sign_in(old)
    old.move_to(new)

    with pytest.raises(LoginRequired) as raised:
        call(machine.vault(), old.server_url)
    asked_new = list(new.log)
    grant = machine.vault().sync.login(old.server_url)

    assert raised.value.hint == f"handstamp login {old.server_url}"
    assert asked_new == []
    assert grant is not None
    assert grant.key.issuer == new.issuer
    assert call(machine.vault(), old.server_url) == 200


def test_a_server_that_refuses_every_token_and_has_not_moved_gets_one_sign_in(
    machine: Machine, authority: StartAuthority
) -> None:
    """TC11: only another issuer is a reason for another sign-in at once."""
    site = authority()
    machine.sign_in(site)
    site.turn(always_401=True)
    person, vault = Person(), machine.vault()

    for _ in range(3):
        with pytest.raises(LoginRequired):
            call(vault, site.server_url, presenter=person)

    looked = [seen for seen in site.log if "oauth-protected-resource" in seen.path]
    assert person.asked == 0
    assert len(looked) == 2  # at the first sign-in, and once since


@pytest.mark.parametrize("configured", [True, False], ids=["issuer configured", "issuer confirmed"])
def test_a_client_of_the_person_s_own_does_not_move_along(
    configured: bool, machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-62, A-63: an error that names both, and nothing at the new issuer."""
    knobs = Knobs(clients={"mine": "a-secret"}, auth_methods=("client_secret_basic",))
    old, new = authority(knobs), authority(knobs)
    monkeypatch.setenv("SECRET", "a-secret")
    issuer = {"issuer": old.issuer} if configured else {}
    machine.home.name("work", old.server_url, client_id="mine", client_secret_from="env:SECRET", **issuer)
    assert machine.vault().sync.login("work", presenter=Person()) is not None
    old.move_to(new)

    with pytest.raises(IssuerMismatch) as raised:
        call_in_session(machine, old, Person())

    assert old.issuer in raised.value.message
    assert new.issuer in raised.value.message
    assert [seen.path for seen in new.log if "/.well-known/" not in seen.path] == []
    assert [grant.key.issuer for grant in machine.vault().grants()] == [old.issuer]


def test_the_settings_can_move_a_client_of_the_person_s_own(machine: Machine, authority: StartAuthority) -> None:
    """A-59: the same name at another issuer is another client, which the person has registered there."""
    knobs = Knobs(clients={"mine": ""})
    old, new = authority(knobs), authority(knobs)
    machine.home.name("work", old.server_url, client_id="mine", issuer=old.issuer)
    assert machine.vault().sync.login("work") is not None
    old.move_to(new)
    machine.home.name("work", old.server_url, client_id="mine", issuer=new.issuer)

    grant = machine.vault().sync.login("work")

    assert grant is not None
    assert (grant.key.issuer, call(machine.vault(), old.server_url)) == (new.issuer, 200)


@pytest.mark.parametrize(
    "changed",
    [{"issuer": "https://other.example"}, {"client_id": "other"}],
    ids=["another issuer", "another client"],
)
def test_the_secret_of_the_client_that_is_configured_now_renews_no_older_sign_in(
    changed: dict[str, str], machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-60, A-63: its place may be the same as before, and what is there is for another issuer, or another client, now."""
    old = authority(Knobs(clients={"mine": "a-secret"}, auth_methods=("client_secret_basic",)))
    settings = {"client_id": "mine", "client_secret_from": "env:SECRET", "issuer": old.issuer}
    monkeypatch.setenv("SECRET", "a-secret")
    machine.home.name("work", old.server_url, **settings)
    assert machine.vault().sync.login("work") is not None
    machine.expire(old)
    machine.home.name("work", old.server_url, **{**settings, **changed})
    before = len(old.log)

    with pytest.raises(LoginRequired) as raised:
        machine.vault().sync.token("work")
    [report] = machine.vault().sync.logout("work")

    assert raised.value.hint == "handstamp login work"
    assert len(old.log) == before
    assert (report.revoked, report.reason) == (False, raised.value.message)


def test_a_client_that_is_configured_at_another_issuer_signs_in_there(machine: Machine, authority: StartAuthority) -> None:
    """A-17, W13: the server names both, and what is stored is of the one that the person has left."""
    knobs = Knobs(clients={"mine": ""})
    old, new = authority(knobs), authority(knobs)
    machine.home.name("work", old.server_url, client_id="mine", issuer=old.issuer)
    assert machine.vault().sync.login("work") is not None
    old.turn(authorization_servers=(old.issuer, new.issuer))
    machine.home.name("work", old.server_url, client_id="mine", issuer=new.issuer)

    grant = machine.vault().sync.login("work")

    assert grant is not None
    assert grant.key.issuer == new.issuer


def test_a_metadata_document_names_us_at_every_issuer(machine: Machine, authority: StartAuthority) -> None:
    """A-53: the same client ID, without registering; the tokens are new all the same."""
    document, knobs = "https://client.example/handstamp.json", Knobs(client_id_metadata_document_supported=True)
    old, new = authority(knobs), authority(knobs)
    machine.home.name("work", old.server_url, client_id_url=document)
    first = machine.vault().sync.login("work")
    old.move_to(new)

    status = call_in_session(machine, old, Person())

    second = machine.stored(old)
    assert first is not None
    assert status == 200
    assert [grant.registration.client_id for grant in (first, second)] == [document, document]
    assert second.registration.kind is RegistrationKind.METADATA_DOCUMENT
    assert (second.registration.issuer, new.counts["registrations"]) == (new.issuer, 0)
    assert not was_shown([reveal(first.token.access_token), reveal(first.token.refresh_token)], new)


def test_the_former_sign_in_is_kept_until_you_sign_out_and_revoked_where_it_was_given(
    machine: Machine, authority: StartAuthority
) -> None:
    """A-18, A-63: a server's word alone ends nothing; `logout` ends both, each at its own issuer."""
    old, new = authority(), authority()
    machine.sign_in(old)
    kept = machine.stored(old)
    old.move_to(new)
    machine.vault().sync.login(old.server_url)

    shown = machine.home.run("status", old.server_url, "--json")
    reports = machine.vault().sync.logout(old.server_url)

    assert '"former"' in shown.stdout
    assert {report.issuer: report.revoked for report in reports} == {old.issuer: True, new.issuer: True}
    assert [site.counts["active_families"] for site in (old, new)] == [0, 0]
    assert machine.vault().grants() == []
    assert not was_shown([kept.registration.client_id, reveal(kept.token.refresh_token)], new)
