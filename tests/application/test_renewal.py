"""The refresh transaction: what is written when, what is sent again, and what is left."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import pytest

from application.sources import Bench, FullDisk, fill_disk, landed
from fakes import ISSUER, make_grant
from handstamp.breaker import FAILURES, LONGEST, PROBE, SHORTEST, Breakers
from handstamp.errors import (
    ConnectFailed,
    HandstampError,
    InvalidClient,
    InvalidScope,
    LoginRequired,
    MalformedResponse,
    StoreUnreachable,
    TemporarilyUnavailable,
    TimedOut,
    TlsFailed,
    VaultLocked,
)
from handstamp.events import Adopted, Failed, NeedsLogin, Refreshed
from handstamp.events import Event as Happening
from handstamp.model import Failure, Grant, GrantKey, Pending, Token, Uptime
from handstamp.protocol.exchange import Request, Response
from handstamp.renewal import Outcome, fingerprint, judge
from handstamp.stores.memory import MemoryStore

DEAD = 4000
"""Seconds after which the token of `make_grant` has ended."""


def script(bench: Bench, *answers: HandstampError | Response | None) -> list[float]:
    """The server's next answers in order, None for its own; its own for ever after. Gives the moments at which it was asked."""
    left = list(answers)
    asked: list[float] = []

    def answer(request: Request) -> Response:
        asked.append(bench.clock())
        current = left.pop(0) if left else None
        if isinstance(current, HandstampError):
            raise current
        return current or bench.server(request)

    bench.http.answer = answer
    return asked


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectFailed("x"), Outcome.NOT_SENT),
        (TlsFailed("x"), Outcome.NOT_SENT),
        (TimedOut("x"), Outcome.LOST),
        (TemporarilyUnavailable("x"), Outcome.LATER),
        (TemporarilyUnavailable("x", maybe_done=True), Outcome.GARBLED),
        (MalformedResponse("x"), Outcome.GARBLED),
        (InvalidClient("x"), Outcome.DECLINED),
        (InvalidScope("x"), Outcome.DECLINED),
        (VaultLocked("x"), Outcome.DECLINED),
    ],
)
def test_what_an_error_says_of_the_refresh_token(error: HandstampError, outcome: Outcome) -> None:
    """Step 6."""
    assert judge(error) is outcome


def test_a_refresh_is_written_down_before_it_is_sent() -> None:
    """Step 4."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    seen: list[Pending | None] = []

    def look(request: Request) -> Response:
        seen.append(bench.stored().pending)
        return bench.server(request)

    bench.http.answer = look
    bench.source.token()

    assert seen == [Pending(bench.clock(), fingerprint(make_grant().token.refresh_token) or "")]
    assert bench.stored().pending is None


def test_an_answer_that_was_lost_is_asked_for_at_once_and_then_at_growing_distances() -> None:
    """TE12, step 6: within its grace the server takes the same token again; nothing can be lost by asking."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    began = bench.clock()
    asked = script(bench, *[TimedOut("No answer.")] * 7)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"
    assert [moment - began for moment in asked] == [0, 0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75]


def test_a_network_that_goes_after_an_answer_was_lost_does_not_end_the_repetitions() -> None:
    """Step 6: the answer may have been lost in the moment in which the network changed."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    asked = script(bench, TimedOut("No answer."), ConnectFailed("No network."), ConnectFailed("No network."))

    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"
    assert len(asked) == 4


def test_repetitions_end_after_their_window_and_leave_the_note() -> None:
    """Step 6: 45 seconds; whoever waits for the lock is patient for longer."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)

    def slow(request: Request) -> Response:
        bench.clock.move(15)
        raise TimedOut("No answer.")

    bench.http.answer = slow
    began = bench.clock()
    with pytest.raises(TimedOut):
        bench.source.token()

    assert bench.clock() - began <= 60
    assert bench.stored().pending is not None
    assert bench.stored().failure == Failure(bench.clock(), "timed_out", "No answer.")


@pytest.mark.parametrize("counts", [True, False], ids=["a machine that counts", "one that does not"])
def test_an_answer_that_was_lost_by_sleep_is_asked_for_all_the_same(counts: bool) -> None:
    """TE17: the lid closes while a request is on its way; the answer has been there for two days when it opens."""
    bench = Bench(make_grant())
    if counts:
        with_count(bench, 100)
    bench.clock.move(DEAD)

    def sleep(request: Request) -> Response:
        bench.clock.move(172800)
        if counts:
            with_count(bench, 100 + 172800, slept=172800)
        bench.http.answer = bench.server
        raise TimedOut("The connection was reset.")

    bench.http.answer = sleep

    assert bench.source.token().access_token.reveal() == "at-1"


@pytest.mark.parametrize(
    "error", [MalformedResponse("A web page."), TemporarilyUnavailable("A gateway.", maybe_done=True)], ids=["nonsense", "502"]
)
def test_an_answer_that_is_none_is_asked_for_three_times(error: HandstampError) -> None:
    """Step 6: it may have been done, and then only the same token brings what came of it."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    asked = script(bench, *[error] * 10)

    with pytest.raises(type(error)):
        bench.source.token()

    assert len(asked) == 3
    assert bench.stored().token == make_grant().token
    assert bench.stored().pending is not None


@pytest.mark.parametrize(
    "error",
    [ConnectFailed("No network."), TemporarilyUnavailable("HTTP 503"), InvalidScope("invalid_target")],
    ids=["not sent", "503", "declined"],
)
def test_what_was_certainly_not_done_is_not_repeated_and_leaves_no_note(error: HandstampError) -> None:
    """Step 6."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    asked = script(bench, *[error] * 10)

    with pytest.raises(type(error)):
        bench.source.token()

    assert len(asked) == 1
    assert bench.stored().pending is None
    assert bench.stored().failure == Failure(bench.clock(), error.code, error.message)


def test_a_later_success_takes_the_failure_away() -> None:
    """What `handstamp status` shows."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    script(bench, ConnectFailed("No network."))
    with pytest.raises(ConnectFailed):
        bench.source.token()
    bench.clock.move(5)

    bench.source.token()

    assert bench.stored().failure is None


def interrupted(bench: Bench) -> None:
    """A sibling was killed between the note and the answer."""
    grant = bench.stored()
    spent = fingerprint(grant.token.refresh_token) or ""
    assert bench.store.replace_grant(replace(grant, pending=Pending(bench.clock() - 1, spent), failure=None)) is not None


def test_a_refresh_that_a_crash_interrupted_is_carried_on_at_once_though_the_token_is_fresh() -> None:
    """TE11: a server's grace is seconds, the token's life an hour."""
    bench = Bench(make_grant())
    interrupted(bench)

    token = bench.source.token()
    landed(bench)

    assert token.access_token.reveal() == "at-0"
    assert bench.stored().token.access_token.reveal() == "at-1"
    assert bench.stored().pending is None


def test_what_a_sibling_was_killed_over_does_not_wait_for_a_pause_of_ours() -> None:
    """TE11: a server's grace is seconds, and so is the pause; nothing can be lost by asking."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    script(bench, ConnectFailed("No network."))
    with pytest.raises(ConnectFailed):
        bench.source.token()
    bench.clock.move(2)
    interrupted(bench)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"


def test_what_a_sibling_has_failed_with_is_no_reason_to_try_at_once() -> None:
    """Else two programs would take turns at a server that is out of order."""
    bench = Bench(make_grant())
    sibling = bench.another_source()
    bench.clock.move(DEAD)
    asked = script(bench, *[MalformedResponse("A web page.")] * 100)

    for _ in range(5):
        for source in (bench.source, sibling):
            with pytest.raises(MalformedResponse):
                source.token()

    assert len(asked) == 6


def test_the_note_of_a_sibling_that_is_at_work_starts_nothing() -> None:
    """Whoever holds the lock lives."""
    bench = Bench(make_grant())
    interrupted(bench)

    with bench.store.lock(bench.stored().key):
        tokens = {bench.source.token().access_token.reveal() for _ in range(5)}
        landed(bench)

    assert tokens == {"at-0"}
    assert bench.http.requests == []


def test_who_joins_a_flight_that_found_the_lock_held_waits_with_one_of_its_own() -> None:
    """Step 2: the background does not queue; whoever needs a token does."""
    bench = Bench(make_grant())
    interrupted(bench)
    with bench.store.lock(bench.stored().key):
        rejected = bench.source.token()
        landed(bench)

    token = bench.source.replacement(rejected)

    assert token.access_token.reveal() == "at-1"


def test_a_refused_token_is_not_sent_again_though_the_refusal_could_not_be_noted() -> None:
    """TE13: once by this process, whatever the disk does."""
    bench = Bench()
    fill_disk(bench, room=1)
    bench.clock.move(DEAD)
    bench.server.current = "another"

    for _ in range(5):
        with pytest.raises(LoginRequired):
            bench.source.token()
        bench.clock.move(100)

    assert len(bench.http.requests) == 1


def test_the_same_refresh_token_from_a_new_sign_in_is_good_again() -> None:
    """Some servers give one and the same to every sign-in of a person."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    bench.server.current = "another"
    with pytest.raises(LoginRequired):
        bench.source.token()
    bench.server.current = "rt-0"
    bench.store.save_grant(make_grant(obtained_at=bench.clock()))
    bench.source.look_again()
    bench.clock.move(DEAD)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"


def test_in_the_seconds_after_a_refusal_the_answer_is_the_same() -> None:
    """A pause repeats what the caller was told, not what the server said."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    script(bench, *[InvalidClient("invalid_client", error="invalid_client")] * 5)

    for _ in range(3):
        with pytest.raises(LoginRequired, match="has forgotten this program's registration"):
            bench.source.token()


def test_pauses_grow_and_end_with_a_success() -> None:
    """TE14."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    asked = script(bench, *[InvalidScope("invalid_target")] * 6)
    began = bench.clock()

    while len(asked) < 7:
        try:
            bench.source.token()
        except InvalidScope:
            bench.clock.move(1)

    assert [moment - began for moment in asked] == [0, 5, 15, 35, 75, 135, 195]


def test_a_new_sign_in_is_not_held_up_by_the_refusal_of_the_last() -> None:
    """A sibling has signed in; TE13's memory is of the token that was refused."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    bench.server.current = "rt-new"
    with pytest.raises(LoginRequired):
        bench.source.token()
    bench.store.save_grant(make_grant(access="at-new", refresh="rt-new", obtained_at=bench.clock(), lifetime=2.0))
    bench.source.token()
    bench.clock.move(2.5)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"


def test_a_pause_is_for_the_token_that_was_found_under_the_lock() -> None:
    """A sibling has brought another while the lock was waited for, and the server wants to be left alone since then."""
    bench = Bench(make_grant())
    bench.source.token()
    bench.clock.move(DEAD)
    asked = script(bench, *[TemporarilyUnavailable("HTTP 503", retry_after=120)] * 5)
    with bench.store.lock(bench.stored().key):
        flight = bench.source._decide()
        theirs = make_grant(access="at-of-a-sibling", obtained_at=bench.clock() - DEAD)
        bench.store.save_grant(replace(bench.stored(), token=theirs.token))
    assert not isinstance(flight, Token)
    with pytest.raises(TemporarilyUnavailable):
        flight.join(20)

    for _ in range(10):
        bench.clock.move(10)
        with pytest.raises(TemporarilyUnavailable):
            bench.source.token()

    assert len(asked) == 1


def test_what_a_sibling_has_renewed_ends_the_pause_after_failures() -> None:
    """TE14: the server is there, as its token shows, and a long pause would outlast that token."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    script(bench, *[ConnectFailed("No network.")] * 20)
    for _ in range(12):
        with pytest.raises(ConnectFailed):
            bench.source.token()
        bench.clock.move(300)
    with pytest.raises(ConnectFailed):
        bench.source.token()
    script(bench)
    bench.store.save_grant(make_grant(access="at-of-a-sibling", obtained_at=bench.clock(), lifetime=20.0))
    bench.source.token()
    bench.clock.move(25)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"


def test_nothing_is_sent_where_that_cannot_be_written_down_first() -> None:
    """TE19, step 4: what the answer brings could not be written either."""
    bench = Bench()
    store = fill_disk(bench, room=0)
    bench.clock.move(4000)

    with pytest.raises(StoreUnreachable):
        bench.source.token()
    sent_while_full = len(bench.http.requests)
    store.room = 1000
    bench.clock.move(5)
    token = bench.source.token()

    assert sent_while_full == 0
    assert token.access_token.reveal() == "at-1"


def test_a_full_disk_ends_no_token_before_its_time() -> None:
    """TE19: in the last half minute somebody could still use it."""
    bench = Bench()
    fill_disk(bench, room=0)
    bench.clock.move(3590)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-0"
    assert bench.http.requests == []


def test_a_token_that_cannot_be_saved_is_neither_handed_out_nor_lost() -> None:
    """TE19, step 7: the refresh token is spent, so the only copy is kept, and the lock, until it is on disk."""
    bench = Bench()
    store = fill_disk(bench, room=1)
    bench.clock.move(4000)
    held: list[bool] = []
    gate = bench.gate = Event()

    for _ in range(3):
        with pytest.raises(StoreUnreachable, match="in memory alone"):
            bench.source.token()
    with store.lock(bench.stored().key, wait=False) as free:
        held.append(not free)
    sent_while_full = len(bench.http.requests)
    store.room = 1000
    gate.set()
    landed(bench)
    token = bench.source.token()

    assert held == [True]
    assert sent_while_full == len(bench.http.requests) == 1
    assert token.access_token.reveal() == "at-1"
    assert bench.stored().token == token


def test_a_token_that_cannot_be_saved_ends_no_token_before_its_time() -> None:
    """TE19: in the last half minute the old one is still good."""
    bench = Bench()
    store = fill_disk(bench, room=1)
    bench.clock.move(3590)
    gate = bench.gate = Event()

    tokens = [bench.source.token().access_token.reveal() for _ in range(3)]
    store.room = 1000
    gate.set()
    landed(bench)

    assert tokens == ["at-0"] * 3
    assert bench.stored().token.access_token.reveal() == "at-1"


class NoRoomForLocks(MemoryStore):
    """A disk that can be read, and holds no file more."""

    asked = 0

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool]:
        self.asked += 1
        raise StoreUnreachable("The disk is full.")
        yield False


@pytest.mark.parametrize("after", [3600 - 540, 3590], ids=["in the background", "in the last half minute"])
def test_a_lock_that_cannot_be_had_ends_no_token_and_is_not_asked_for_each_time(after: float) -> None:
    """TE19."""
    bench = Bench()
    store = bench.store = NoRoomForLocks()
    store.save_grant(make_grant())
    bench.source = bench.another_source()
    bench.clock.move(after)

    tokens: list[str] = []
    for _ in range(3):
        tokens.append(bench.source.token().access_token.reveal())
        landed(bench)

    assert tokens == ["at-0"] * 3
    assert store.asked == 1
    assert kinds(bench.events) == [Failed]


def test_a_short_hiccup_of_the_disk_is_nobody_s_business() -> None:
    """Step 7: another program may hold the database for a moment."""
    bench = Bench()
    store = fill_disk(bench, room=1)
    bench.clock.move(DEAD)
    moments: list[float] = []

    class Hiccup(FullDisk):
        def replace_grant(self, grant: Grant) -> Grant | None:
            moments.append(bench.clock())
            self.room = 0 if len(moments) in (2, 3) else 1
            return super().replace_grant(grant)

    store.__class__ = Hiccup
    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"
    assert [moment - moments[0] for moment in moments] == [0, 0, 0.25, 0.75]


def with_count(bench: Bench, seconds: float, slept: float = 0.0, boot: str = "a") -> None:
    bench.uptime = Uptime(boot, seconds, slept)


def counted_grant() -> Grant:
    grant = make_grant()
    return replace(grant, token=replace(grant.token, obtained_uptime=Uptime("a", 100.0)))


def test_a_clock_that_is_set_back_makes_no_token_younger() -> None:
    """TE16, step 8: it says that a quarter of an hour has passed, and the machine has counted more than an hour."""
    bench = Bench(counted_grant())
    with_count(bench, 100 + DEAD)
    bench.clock.move(900)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"


def test_a_clock_that_is_set_forward_ends_no_token_that_cannot_be_renewed_now() -> None:
    """TE16: no early death."""
    bench = Bench(counted_grant())
    with_count(bench, 200)
    bench.clock.move(86400)
    script(bench, ConnectFailed("No network."), ConnectFailed("No network."))

    token = bench.source.token()

    assert token.access_token.reveal() == "at-0"


def test_after_a_restart_of_the_machine_the_clock_decides() -> None:
    """The count begins anew and says nothing about before."""
    bench = Bench(counted_grant())
    with_count(bench, 5000, boot="b")

    token = bench.source.token()

    assert token.access_token.reveal() == "at-0"
    assert bench.http.requests == []


def test_a_clock_that_swings_costs_no_endless_refreshes() -> None:
    """TE16: one for each time that it was wrong, at the most."""
    bench = Bench(counted_grant())

    for swing in (86400, -86400, 86400, -86400):
        bench.clock.move(swing)
        for _ in range(10):
            bench.source.token()

    assert len(bench.http.requests) <= 4


def test_a_machine_that_has_just_woken_takes_its_time() -> None:
    """TE17, step 9: five programs wake at once, and the network a moment later."""
    bench = Bench(counted_grant())
    with_count(bench, 100)
    bench.source = bench.another_source(random=lambda count: b"\xff" * count)
    with_count(bench, 100 + 172800, slept=172000)
    bench.clock.move(172800)
    began = bench.clock()
    asked = script(bench)

    bench.source.token()

    assert asked[0] - began == pytest.approx(5.0, abs=0.01)


def test_what_a_sibling_has_renewed_while_it_took_its_time_is_adopted() -> None:
    """TE17: one refresh for all."""
    bench = Bench(counted_grant())
    with_count(bench, 100)
    five = [bench.another_source() for _ in range(5)]
    with_count(bench, 100 + 172800, slept=172000)
    bench.clock.move(172800)

    tokens = {source.token().access_token.reveal() for source in five}

    assert tokens == {"at-1"}
    assert len(bench.http.requests) == 1


def failed(breakers: Breakers, times: int, now: float) -> None:
    for _ in range(times):
        breakers.failed(ISSUER, now)


def test_a_breaker_opens_after_five_failures_in_a_row() -> None:
    """Step 11."""
    breakers = Breakers()
    failed(breakers, FAILURES - 1, 1000.0)
    breakers.admit(ISSUER, 1000.0)

    failed(breakers, 1, 1000.0)

    with pytest.raises(TemporarilyUnavailable) as caught:
        breakers.admit(ISSUER, 1001.0)
    assert caught.value.retry_after == SHORTEST - 1
    breakers.admit("https://another.example", 1001.0)


def test_a_breaker_lets_one_ask_and_closes_by_its_answer() -> None:
    """Step 11: half-open."""
    breakers = Breakers()
    failed(breakers, FAILURES, 1000.0)

    breakers.admit(ISSUER, 1000.0 + SHORTEST)
    with pytest.raises(TemporarilyUnavailable):
        breakers.admit(ISSUER, 1000.0 + SHORTEST)
    breakers.answered(ISSUER)

    breakers.admit(ISSUER, 1000.0 + SHORTEST)
    breakers.admit(ISSUER, 1000.0 + SHORTEST)


def test_a_breaker_waits_longer_each_time_and_never_for_ever() -> None:
    """Step 11:  one who was let through and never came back is given up; a clock that is set back opens it."""
    breakers = Breakers()
    failed(breakers, FAILURES + 20, 1000.0)

    with pytest.raises(TemporarilyUnavailable):
        breakers.admit(ISSUER, 1000.0 + LONGEST - 1)
    breakers.admit(ISSUER, 1000.0 + LONGEST)
    breakers.admit(ISSUER, 1000.0 + LONGEST + PROBE)
    failed(breakers, 1, 2000.0)
    breakers.admit(ISSUER, 500.0)


def test_a_server_that_says_when_to_come_again_is_left_alone_for_every_token() -> None:
    """A `Retry-After` is about the server. Who has got a token since then shows that it is over."""
    breakers = Breakers()
    breakers.failed(ISSUER, 1000.0, 300.0)
    breakers.answered(ISSUER, since=999.0)

    with pytest.raises(TemporarilyUnavailable):
        breakers.admit(ISSUER, 1299.0)
    breakers.answered(ISSUER, since=1001.0)

    breakers.admit(ISSUER, 1299.0)


def test_a_server_that_is_out_of_order_for_ten_minutes_is_left_in_peace() -> None:
    """TE14: the token is used to its end, nobody is asked to sign in, and it works again by itself."""
    bench = Bench(make_grant(lifetime=7200))
    bench.clock.move(6530)
    mended_at = bench.clock() + 600
    asked = bench.http.requests

    def out_of_order(request: Request) -> Response:
        if bench.clock() < mended_at:
            raise TemporarilyUnavailable("HTTP 500", maybe_done=True)
        return bench.server(request)

    bench.http.answer = out_of_order
    served: set[str] = set()
    while bench.clock() < mended_at:
        served.add(bench.source.token().access_token.reveal())
        landed(bench)
        bench.clock.move(1)
    asked_meanwhile = len(asked)
    bench.clock.move(LONGEST)

    assert served == {"at-0"}
    assert asked_meanwhile <= 30
    assert not any(isinstance(event, NeedsLogin) for event in bench.events)
    assert bench.source.token().access_token.reveal() == "at-1"


def kinds(events: list[Happening]) -> list[type[Happening]]:
    return [type(event) for event in events]


def test_a_refresh_is_told_by_who_did_it_and_its_adoption_by_who_did_not() -> None:
    """Also in a process that was busy with a token that was good enough."""
    bench = Bench(make_grant())
    sibling = bench.another_source()
    sibling.token()
    bench.clock.move(DEAD)
    bench.source.token()
    told = list(bench.events)

    sibling.token()

    assert kinds(told) == [Refreshed]
    assert kinds(bench.events[1:]) == [Adopted]
    assert bench.events[0].name == "example"
    assert bench.events[0].issuer == ISSUER


def test_what_a_sibling_brought_while_the_lock_was_waited_for_is_told_as_adopted() -> None:
    """Not as a refresh: whoever counts those counts requests."""
    bench = Bench(make_grant())
    bench.source.token()
    bench.clock.move(DEAD)
    with bench.store.lock(bench.stored().key):
        flight = bench.source._decide()
        grant = bench.stored()
        bench.store.save_grant(replace(grant, token=make_grant(access="theirs", obtained_at=bench.clock()).token))
    assert not isinstance(flight, Token)

    flight.join(20)

    assert kinds(bench.events) == [Adopted]


def test_a_refusal_is_told_once_however_often_somebody_asks() -> None:
    """TE13: 1000 calls, one request, one notice."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    bench.server.current = "another"

    for _ in range(1000):
        with pytest.raises(LoginRequired):
            bench.source.token()

    assert kinds(bench.events) == [NeedsLogin]
    assert len(bench.http.requests) == 1


@pytest.mark.parametrize("lifetime", [3600.0, None], ids=["by the clock", "by a 401"])
def test_the_end_of_a_token_that_nothing_renews_is_told_once_by_all_who_find_out(lifetime: float | None) -> None:
    """Who finds out writes it down, for each program meets the end by itself."""
    bench = Bench(make_grant(refresh=None, lifetime=lifetime))
    ended = bench.source.token()
    bench.clock.move(DEAD)

    for source in (bench.source, bench.another_source()) * 3:
        with pytest.raises(LoginRequired):
            source.replacement(ended)

    assert kinds(bench.events) == [NeedsLogin]
    assert bench.http.requests == []


def test_a_forgotten_registration_is_told_once_though_the_server_is_asked_again() -> None:
    """It may have been a hiccup of the server's, and then it renews again by itself."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    script(bench, *[InvalidClient("invalid_client", error="invalid_client")] * 3)

    for _ in range(3):
        with pytest.raises(LoginRequired):
            bench.source.token()
        bench.clock.move(60)

    assert kinds(bench.events) == [NeedsLogin]
    assert bench.source.token().access_token.reveal() == "at-1"


def test_a_failure_is_told_with_its_code() -> None:
    """For whoever watches."""
    bench = Bench(make_grant())
    bench.clock.move(DEAD)
    script(bench, ConnectFailed("No network."))

    with pytest.raises(ConnectFailed):
        bench.source.token()

    (told,) = bench.events
    assert isinstance(told, Failed)
    assert (told.code, told.message) == ("connect_failed", "No network.")
