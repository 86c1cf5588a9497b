"""TokenSource for a server that needs no person: it brings the first token, and every next one."""

import threading
from dataclasses import replace

import pytest

from fakes import SERVER, HandMovedClock, ScriptedHttp, make_grant, no_credentials
from handstamp.errors import HandstampError, InvalidGrant, LoginRequired, StoreUnreachable, TemporarilyUnavailable
from handstamp.model import Grant, GrantType, Status
from handstamp.source import SourceSettings, TokenSource
from handstamp.stores.memory import MemoryStore


class Obtaining:
    """Gives at-1, at-2, … for an hour each, without a refresh token; or fails."""

    def __init__(self, clock: HandMovedClock) -> None:
        self.clock = clock
        self.formers: list[str | None] = []
        self.error: HandstampError | None = None
        self.arrived = threading.Event()
        self.gate: threading.Event | None = None

    def __call__(self, former: Grant | None) -> Grant:
        self.formers.append(None if former is None else former.token.access_token.reveal())
        self.arrived.set()
        if self.gate is not None:
            assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        grant = make_grant(access=f"at-{len(self.formers)}", refresh=None, obtained_at=self.clock())
        return replace(grant, grant_type=GrantType.CLIENT_CREDENTIALS)


class Machine:
    """A store, a clock, and sources that obtain."""

    def __init__(self) -> None:
        self.clock = HandMovedClock()
        self.store = MemoryStore()
        self.obtain = Obtaining(self.clock)
        self.source = self.another_source()

    def another_source(self) -> TokenSource:
        return TokenSource(
            SourceSettings("local", SERVER, "default", "reports"),
            store=self.store,
            http=lambda: ScriptedHttp(lambda _: pytest.fail("nothing is refreshed")),
            read_credentials=no_credentials,
            clock=self.clock,
            obtain=self.obtain,
        )

    def token(self) -> str:
        return self.source.token().access_token.reveal()

    def stored(self) -> Grant | None:
        return self.store.find_grant("local", SERVER, "default")


def test_the_first_token_is_obtained_stored_and_handed_out_again() -> None:
    machine = Machine()

    tokens = [machine.token(), machine.token(), machine.another_source().token().access_token.reveal()]

    assert tokens == ["at-1"] * 3
    assert machine.obtain.formers == [None]


def test_one_that_has_ended_is_followed_by_another_that_replaces_it() -> None:
    """A-142: nobody waits for a refresh token that will not come."""
    machine = Machine()
    machine.token()
    machine.clock.move(4000)

    token = machine.token()

    stored = machine.stored()
    assert token == "at-2"
    assert machine.obtain.formers == [None, "at-1"]
    assert stored is not None
    assert (stored.token.access_token.reveal(), stored.generation) == ("at-2", 2)


def test_near_its_end_the_next_is_obtained_while_everybody_goes_on() -> None:
    """A-142."""
    machine = Machine()
    machine.token()
    machine.obtain.arrived.clear()
    machine.obtain.gate = threading.Event()
    machine.clock.move(3600 - 540)

    meanwhile = [machine.token() for _ in range(3)]
    assert machine.obtain.arrived.wait(20)
    machine.obtain.gate.set()
    with machine.store.lock(make_grant().key):
        renewed = machine.stored()

    assert meanwhile == ["at-1"] * 3
    assert renewed is not None
    assert renewed.token.access_token.reveal() == "at-2"


def test_a_token_that_the_server_refuses_is_replaced() -> None:
    machine = Machine()
    rejected = machine.source.token()

    another = machine.source.replacement(rejected)

    assert another.access_token.reveal() == "at-2"


def test_a_refusal_is_told_as_it_is_and_not_repeated_at_once() -> None:
    """A-163: no other grant, no retry, and nobody is asked to sign in."""
    machine = Machine()
    machine.obtain.error = InvalidGrant("Expected a token, got invalid_grant.", error="invalid_grant")

    for _ in range(3):
        with pytest.raises(InvalidGrant):
            machine.token()
    refused = len(machine.obtain.formers)
    machine.clock.move(6)
    machine.obtain.error = None

    assert refused == 1
    assert machine.token() == "at-2"


def test_the_old_token_serves_while_the_server_is_out_of_order() -> None:
    machine = Machine()
    machine.token()
    machine.obtain.error = TemporarilyUnavailable("Expected an answer, got HTTP 503.")
    machine.clock.move(3595)

    assert machine.token() == "at-1"


def test_who_signed_out_meanwhile_gets_nothing_back() -> None:
    machine = Machine()
    machine.token()
    machine.clock.move(4000)
    machine.obtain.gate = threading.Event()
    machine.obtain.arrived.clear()
    failures: list[HandstampError] = []

    def ask() -> None:
        try:
            machine.token()
        except HandstampError as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert machine.obtain.arrived.wait(20)
    machine.store.forget_grant(make_grant().key)
    machine.obtain.gate.set()
    asking.join(20)

    assert [type(error) for error in failures] == [LoginRequired]
    assert machine.stored() is None


def test_what_cannot_be_stored_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()

    def fail(grant: Grant) -> Grant:
        raise StoreUnreachable("Expected to write, got: the disk is full.")

    monkeypatch.setattr(machine.store, "save_grant", fail)

    with pytest.raises(StoreUnreachable):
        machine.token()


def test_its_status_is_never_that_a_person_is_needed() -> None:
    machine = Machine()
    machine.token()
    grant = machine.stored()
    assert grant is not None

    statuses = [Status.of(grant, machine.clock() + later) for later in (0, 3100, 4000)]

    assert statuses == [Status.SIGNED_IN, Status.RENEWS_SOON, Status.EXPIRED]
