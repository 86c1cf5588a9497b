"""What a vault tells of its grants, from a login to a logout, against a real authorization server on loopback."""

import json
import logging
import sys
import threading
import time
from pathlib import Path

import anyio
import pytest

from application.machines import NAME, SECRET, a_program
from authority import Authority, Knobs, StartAuthority
from handstamp.demo.ledger import SECRET_PATTERN
from handstamp.errors import AccessDenied, HandstampError, LoginRequired, TemporarilyUnavailable
from handstamp.events import KINDS, Adopted, Event, Failed, Login, NeedsLogin, Refreshed, Revoked
from handstamp.listeners.logs import log_event
from handstamp.listeners.words import members, sentence
from handstamp.vault import Vault
from weaknesses.machine import Machine

ENDING = """
import threading
from handstamp import stream
from handstamp.flight import Flight
from happenings import refreshed

stream.EXIT_GRACE = 0.5
events, committed = stream.EventStream(), threading.Event()
events.subscribe(lambda event: print(event.kind, flush=True))
events.subscribe(lambda event: threading.Event().wait())

def renew(flight):
    committed.set() if flight.commit() else None
    while flight.pause(10):
        pass
    events.emit(refreshed())

Flight(renew, name="renew").start()
committed.wait()
"""
CAT = 'import sys; open(sys.argv[1], "a").write(sys.stdin.read())'


class Listener:
    """Remembers what one vault tells."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._heard: list[Event] = []
        vault.subscribe(self._heard.append)

    def take(self) -> list[Event]:
        """What was told since the last time."""
        self._vault._stream.flush()
        heard, self._heard[:] = list(self._heard), []
        return heard

    def kinds(self) -> list[str]:
        return [event.kind for event in self.take()]


def renew(machine: Machine, site: Authority, vault: Vault) -> None:
    """Its token has ended, and the vault is asked for another."""
    machine.expire(site)
    machine.clock.move(120)  # past the pause after a failure
    vault.sync.token(site.server_url)


def test_a_life_of_a_grant_is_told_to_whoever_listens(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    one, two = machine.vault(), machine.vault()
    here, there = Listener(one), Listener(two)

    one.sync.login(site.server_url)
    two.sync.token(site.server_url)
    renew(machine, site, one)
    two.sync.token(site.server_url)
    site.turn(token_status=503)
    with pytest.raises(TemporarilyUnavailable):
        renew(machine, site, one)
    site.turn(token_status=None, refresh_error="invalid_grant")
    with pytest.raises(LoginRequired):
        renew(machine, site, one)
    one.sync.logout(site.server_url)

    told = here.take()
    assert [type(event) for event in told if not isinstance(event, Adopted)] == [Login, Refreshed, Failed, NeedsLogin, Revoked]
    assert there.kinds() == ["adopted"]
    assert {(event.server, event.owner, event.account, event.issuer) for event in told} == {
        (site.server_url, "local", "default", site.issuer)
    }


def test_an_event_says_what_happened(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.vault()
    listener = Listener(vault)

    grant = vault.sync.login(site.server_url)
    vault.sync.logout(site.server_url)

    assert grant is not None
    login, revoked = listener.take()
    assert isinstance(login, Login)
    assert isinstance(revoked, Revoked)
    assert (login.scopes, login.expires_at) == (grant.scopes, grant.token.expires_at)
    assert (revoked.confirmed, revoked.reason) == (True, None)
    assert abs(login.at - time.time()) < 60


def test_a_logout_that_the_server_did_not_confirm_says_why(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(no_revocation_endpoint=True))
    vault = machine.sign_in(site)
    listener = Listener(vault)

    vault.sync.logout(site.server_url)

    (revoked,) = listener.take()
    assert isinstance(revoked, Revoked)
    assert (revoked.confirmed, revoked.reason) == (False, "it offers no revocation")


def test_a_login_that_fails_is_none(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(deny=True))
    vault = machine.vault()
    listener = Listener(vault)

    with pytest.raises(AccessDenied):
        vault.sync.login(site.server_url)

    assert listener.kinds() == []


def test_a_sign_in_that_is_there_already_is_not_told_again(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.sign_in(site)
    listener = Listener(vault)

    vault.sync.login(site.server_url)

    assert listener.kinds() == []


def test_only_who_finds_out_that_a_person_is_needed_says_so(machine: Machine, authority: StartAuthority) -> None:
    """One notification, however many programs share the sign-in and ask on and on."""
    site = authority()
    finder = machine.sign_in(site)
    siblings = [machine.vault(), machine.vault()]
    listeners = [Listener(vault) for vault in (finder, *siblings)]
    site.turn(refresh_error="invalid_grant")

    with pytest.raises(LoginRequired):
        renew(machine, site, finder)
    for vault in (finder, *siblings) * 2:
        with pytest.raises(LoginRequired):
            vault.sync.token(site.server_url)

    assert [listener.kinds().count("needs_login") for listener in listeners] == [1, 0, 0]


def test_the_command_of_the_settings_hears_it_once_from_two_processes(machine: Machine, authority: StartAuthority) -> None:
    """`handstamp token` ends a moment later, and the notification arrives all the same."""
    site = authority()
    machine.sign_in(site)
    site.turn(refresh_error="invalid_grant")
    machine.expire(site)
    told = machine.home.root / "told"
    machine.home.write_settings(f"[events]\ncommand = {json.dumps([sys.executable, '-c', CAT, str(told)])}\n")

    codes = [machine.home.run("token", site.server_url).exit_code for _ in range(2)]

    assert codes == [4, 4]
    (line,) = told.read_text().splitlines()
    assert json.loads(line)["next_step"] == f"handstamp login {site.server_url}"


def test_a_listener_that_hangs_or_asks_the_vault_delays_no_token(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handstamp.stream.EXIT_GRACE", 0.05)
    site = authority()
    vault = machine.sign_in(site)
    let_go, asked = threading.Event(), threading.Event()

    def ask(event: Event) -> None:
        vault.sync.token(site.server_url)
        vault.close()
        asked.set()

    vault.subscribe(lambda event: let_go.wait(20))
    vault.subscribe(ask)
    renew(machine, site, vault)

    assert asked.wait(20)
    assert not let_go.is_set()
    let_go.set()


def test_no_event_of_a_whole_life_bears_a_secret(
    machine: Machine, authority: StartAuthority, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where a server writes into its errors what it was sent."""
    site = authority(Knobs(echoes=True))
    one, two = machine.vault(), machine.vault()
    here, there = Listener(one), Listener(two)
    one.subscribe(log_event)
    secrets: set[str] = set()

    def note_secrets() -> None:
        token = machine.stored(site).token
        secrets.update(secret.reveal() for secret in (token.access_token, token.refresh_token) if secret is not None)

    with caplog.at_level(logging.DEBUG, "handstamp.events"):
        one.sync.login(site.server_url)
        note_secrets()
        two.sync.token(site.server_url)
        renew(machine, site, one)
        note_secrets()
        two.sync.token(site.server_url)
        for knobs in ({"refresh_error": "invalid_scope"}, {"refresh_error": "invalid_grant"}):
            site.turn(**knobs)
            with pytest.raises(HandstampError):
                renew(machine, site, one)
        one.sync.logout(site.server_url)
        told = here.take() + there.take()

    said = [f"{event} {sentence(event)} {json.dumps(members(event))}" for event in told]
    said += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert {event.kind for event in told} == {kind.kind for kind in KINDS}
    assert len(secrets) == 4
    assert not any(secret in each for secret in secrets for each in said)
    assert not any(SECRET_PATTERN.search(each) for each in said)


def test_a_program_without_a_person_tells_of_its_first_grant_and_the_next(home: Path, authority: StartAuthority) -> None:
    site = authority(Knobs(clients={"ci": SECRET}, auth_methods=("client_secret_basic",)))
    with a_program(home, site) as program:
        vault = program.vault()
        listener = Listener(vault)

        vault.sync.token(NAME)
        vault.sync.login(NAME)

        assert listener.kinds() == ["login", "refreshed"]


def test_what_is_found_out_while_the_program_ends_is_told_and_waited_for_no_longer_than_allowed(machine: Machine) -> None:
    """As a refresh in the background of `handstamp token`, which is carried through first."""
    with machine.home.start_python(ENDING) as program:
        ran = program.finish()

    assert (ran.exit_code, ran.stdout) == (0, "refreshed\n")


def test_a_task_reads_the_events_while_it_does_other_things(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.vault()

    async def sign_in_and_out() -> list[str]:
        feed = vault.events()
        await vault.login(site.server_url)
        await vault.logout(site.server_url)
        return [(await anext(feed)).kind, (await anext(feed)).kind]

    assert anyio.run(sign_in_and_out) == ["login", "revoked"]
