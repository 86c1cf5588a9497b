"""TokenSource: one refresh for all who notice, and nothing lost by an answer that is not a no."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from traceback import walk_tb

import anyio
import pytest

from application.sources import SETTINGS, Bench, failing, respond
from fakes import make_grant, no_credentials
from handstamp.errors import (
    ConnectFailed,
    HandstampError,
    InvalidClient,
    LoginRequired,
    MalformedResponse,
    TemporarilyUnavailable,
    TimedOut,
)
from handstamp.model import Grant, GrantKey, RegistrationKind, Secret
from handstamp.ports import Flying
from handstamp.protocol.exchange import Request, Response
from handstamp.renewal import fingerprint
from handstamp.source import TokenSource
from handstamp.stores.memory import MemoryStore


def test_a_fresh_token_is_handed_out_without_any_request() -> None:
    bench = Bench(make_grant())

    token = bench.source.token()

    assert token.access_token.reveal() == "at-0"
    assert bench.http.requests == []


def test_without_a_grant_a_person_has_to_sign_in_and_the_hint_says_how() -> None:
    bench = Bench()

    with pytest.raises(LoginRequired) as caught:
        bench.source.token()

    assert caught.value.hint == "handstamp login example"


def test_an_expired_token_is_refreshed_once_and_stored_before_it_is_handed_out() -> None:
    """A-108; step 7."""
    bench = Bench(make_grant())
    bench.clock.move(4000)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-1"
    assert bench.stored().token == token
    assert len(bench.http.requests) == 1


class WatchedStore(MemoryStore):
    """Tells which locks were asked for, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: SimpleQueue[GrantKey] = SimpleQueue()

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool]:
        self.asked.put(key)
        with super().lock(key, wait=wait) as held:
            yield held


def test_a_refresh_holds_the_lock_of_the_grant_that_it_renews() -> None:
    """A-18: somebody signs in at another issuer while it waits; under the old lock it would race that grant's own refresh."""
    old, new = make_grant(), replace(make_grant(issuer="https://new.example"), granted_at=1_000_001.0)
    bench = Bench()
    bench.store = store = WatchedStore()
    store.save_grant(old)
    bench.clock.move(4000)
    waiting = threading.Thread(target=bench.another_source().token)

    with MemoryStore.lock(store, new.key):
        with MemoryStore.lock(store, old.key):
            waiting.start()
            first = store.asked.get(timeout=20)
            store.save_grant(new)
        second = store.asked.get(timeout=20)
        sent_without_the_lock = list(bench.http.requests)
    waiting.join(20)

    assert (first, second, sent_without_the_lock) == (old.key, new.key, [])
    assert [request.url for request in bench.http.requests] == ["https://new.example/token"]


def test_in_the_advisory_window_everybody_goes_on_with_the_old_token_while_one_renews() -> None:
    """Step 2: a quarter of a fifth before the end at the latest, nobody waits."""
    bench = Bench(make_grant())
    bench.http.gate = threading.Event()
    bench.clock.move(3600 - 540)

    tokens = [bench.source.token().access_token.reveal() for _ in range(3)]
    assert bench.http.arrived.wait(20)
    bench.http.gate.set()
    with bench.store.lock(bench.stored().key):
        renewed = bench.stored()

    assert tokens == ["at-0"] * 3
    assert renewed.token.access_token.reveal() == "at-1"
    assert len(bench.http.requests) == 1


def test_many_threads_and_event_loops_share_one_refresh() -> None:
    """W14, TE9: one flight in a process, whatever runs in it."""
    bench = Bench(make_grant())
    bench.clock.move(4000)
    bench.http.gate = threading.Event()
    got: list[str] = []

    async def tasks() -> None:
        async def one() -> None:
            got.append((await bench.source.token_async()).access_token.reveal())

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(one)

    threads = [threading.Thread(target=lambda: got.append(bench.source.token().access_token.reveal())) for _ in range(5)]
    threads += [threading.Thread(target=anyio.run, args=(tasks,)) for _ in range(2)]
    threads += [threading.Thread(target=lambda: anyio.run(tasks, backend="trio"))]
    for thread in threads:
        thread.start()
    assert bench.http.arrived.wait(20)
    bench.http.gate.set()
    for thread in threads:
        thread.join(20)

    assert got == ["at-1"] * 35
    assert len(bench.http.requests) == 1


def test_what_a_sibling_refreshed_meanwhile_is_adopted_and_nothing_is_sent() -> None:
    """W14, TE10, step 3: look again after waiting for the lock."""
    bench = Bench(make_grant())
    bench.source.token()
    bench.clock.move(4000)
    sibling = make_grant(access="at-sibling", refresh="rt-sibling", obtained_at=bench.clock())
    bench.store.save_grant(sibling)

    token = bench.source.token()

    assert token.access_token.reveal() == "at-sibling"
    assert bench.http.requests == []


def test_invalid_grant_adopts_what_a_sibling_saved_during_the_request() -> None:
    """TE10: the loser never wipes the winner's token."""
    bench = Bench(make_grant())
    bench.clock.move(4000)

    def lose(request: Request) -> Response:
        bench.store.save_grant(make_grant(access="at-winner", refresh="rt-winner", obtained_at=bench.clock()))
        return respond(400, {"error": "invalid_grant"}, bench.clock)

    bench.http.answer = lose

    token = bench.source.token()

    assert token.access_token.reveal() == "at-winner"
    assert bench.stored().refused is None


def test_another_process_s_write_is_noticed_within_a_second() -> None:
    """Step 1: live sessions pick up what another process wrote."""
    bench = Bench(make_grant())
    bench.source.token()
    bench.store.save_grant(make_grant(access="at-new", obtained_at=bench.clock()))
    bench.clock.move(1.1)

    assert bench.source.ready() is None
    assert bench.source.token().access_token.reveal() == "at-new"


@pytest.mark.parametrize(
    "error",
    [
        ConnectFailed("no route"),
        TimedOut("too late"),
        TemporarilyUnavailable("503"),
        MalformedResponse("HTML"),
    ],
)
def test_a_failure_that_is_no_refusal_keeps_the_grant(error: HandstampError) -> None:
    """W17, P4, step 6: unknown is not refused."""
    bench = Bench(make_grant(), failing(error))
    bench.clock.move(4000)

    with pytest.raises(type(error)):
        bench.source.token()

    assert bench.stored().token.refresh_token == Secret("rt-0")
    assert bench.stored().refused is None


def test_after_a_503_the_old_token_serves_as_long_as_it_lives() -> None:
    """TE14: inside the mandatory margin, but before the end, a token that may work is better than an error."""
    bench = Bench(make_grant(), failing(TemporarilyUnavailable("503")))
    bench.clock.move(3600 - 20)

    assert bench.source.token().access_token.reveal() == "at-0"


def test_a_failed_refresh_is_followed_by_a_pause_and_then_tried_again() -> None:
    """A server in trouble is not hammered, and one that recovers is used."""
    bench = Bench(make_grant(), failing(TemporarilyUnavailable("503", retry_after=30)))
    bench.clock.move(4000)
    for _ in range(5):
        with pytest.raises(TemporarilyUnavailable):
            bench.source.token()
    asked_in_the_pause = len(bench.http.requests)
    bench.http.answer = bench.server
    bench.clock.move(31)

    token = bench.source.token()

    assert asked_in_the_pause == 1
    assert token.access_token.reveal() == "at-1"


def test_a_clock_that_is_set_back_ends_a_pause() -> None:
    bench = Bench(make_grant(), failing(TemporarilyUnavailable("503", retry_after=3600)))
    bench.clock.move(4000)
    with pytest.raises(TemporarilyUnavailable):
        bench.source.token()
    bench.http.answer = bench.server
    bench.clock.move(-100)

    assert bench.source.token().access_token.reveal() == "at-1"


def test_an_error_that_is_raised_again_in_a_pause_does_not_grow() -> None:
    bench = Bench(make_grant(), failing(TemporarilyUnavailable("503", retry_after=60)))
    bench.clock.move(4000)
    raised: list[TemporarilyUnavailable] = []

    for _ in range(20):
        with pytest.raises(TemporarilyUnavailable) as caught:
            bench.source.token()
        raised.append(caught.value)

    depths = [len(list(walk_tb(error.__traceback__))) for error in raised]
    assert depths[1:] == [depths[1]] * 19
    assert all(error.__cause__ is not error and error.retry_after == 60 for error in raised)


def test_a_clock_that_was_far_ahead_when_the_token_came_makes_it_no_younger() -> None:
    """TE16: a token from the future is renewed rather than believed for years."""
    bench = Bench(make_grant(obtained_at=1_000_000.0 + 86_400))

    assert bench.source.token().access_token.reveal() == "at-1"


@pytest.mark.parametrize("grant", [make_grant(refresh=None), replace(make_grant(), refused=fingerprint(Secret("rt-0")))])
def test_a_token_that_nothing_renews_serves_to_its_last_second(grant: Grant) -> None:
    """W1: inside the margin it may still work, and there is nothing better."""
    bench = Bench(grant)
    bench.clock.move(3599)

    assert bench.source.token().access_token.reveal() == "at-0"
    bench.clock.move(2)
    with pytest.raises(LoginRequired):
        bench.source.token()


def test_siblings_begin_to_renew_at_different_moments() -> None:
    """Step 2: a quarter of the window apart at the most, so that they do not queue for one lock."""
    token = make_grant().token

    moments = [token.renew_from(jitter) for jitter in (-1, 0, 1)]

    assert moments == [1_003_600 - 540, 1_003_600 - 720, 1_003_600 - 900]
    jitters = [Bench().source._jitter(make_grant(account=name).key) for name in "ab" for _ in range(3)]
    assert len(set(jitters)) == 6


def test_a_server_that_renews_with_the_very_token_that_it_refuses_ends_in_a_login() -> None:
    """Step 10: two refreshes at most, then a person."""
    bench = Bench(make_grant())
    rejected = bench.source.token()
    same: dict[str, object] = {"access_token": "at-0", "token_type": "Bearer", "expires_in": 3600}
    bench.http.answer = lambda request: respond(200, same, bench.clock)

    with pytest.raises(LoginRequired):
        bench.source.replacement(rejected)

    assert len(bench.http.requests) == 2


def test_a_logout_during_a_refresh_is_seen_by_the_next_look() -> None:
    """Whatever a flight adopted, memory does not outlive the store."""
    bench = Bench(make_grant())
    bench.clock.move(4000)
    bench.source.token()
    bench.store.forget_grant(bench.stored().key)
    bench.clock.move(2)

    with pytest.raises(LoginRequired):
        bench.source.token()


def test_invalid_grant_is_asked_once_and_remembered_by_fingerprint() -> None:
    """TE13, step 3: 1000 calls, one request; the sealed record stays."""
    bench = Bench(make_grant(refresh="rt-dead"))
    bench.clock.move(4000)

    for _ in range(20):
        with pytest.raises(LoginRequired):
            bench.source.token()
    with pytest.raises(LoginRequired):
        bench.another_source().token()

    assert len(bench.http.requests) == 1
    assert bench.stored().token.refresh_token == Secret("rt-dead")


def test_a_new_login_ends_the_negative_cache() -> None:
    bench = Bench(make_grant(refresh="rt-dead"))
    bench.clock.move(4000)
    with pytest.raises(LoginRequired):
        bench.source.token()
    bench.store.save_grant(make_grant(access="at-again", obtained_at=bench.clock()))

    assert bench.source.token().access_token.reveal() == "at-again"


def test_an_expired_token_without_refresh_token_asks_for_a_login_and_sends_nothing() -> None:
    """W1, A-107."""
    bench = Bench(make_grant(refresh=None))
    bench.clock.move(4000)

    with pytest.raises(LoginRequired):
        bench.source.token()

    assert bench.http.requests == []


def test_a_token_without_refresh_token_is_used_to_its_end() -> None:
    """W1, P13 of the peers: half a life without a refresh token is still half a life."""
    bench = Bench(make_grant(refresh=None))
    bench.clock.move(3500)

    assert bench.source.token().access_token.reveal() == "at-0"


def test_a_token_without_expiry_is_used_until_a_401() -> None:
    """W1: GitHub's tokens never end by the clock."""
    bench = Bench(make_grant(lifetime=None))
    bench.clock.move(10_000_000)

    assert bench.source.token().access_token.reveal() == "at-0"
    assert bench.http.requests == []


def test_a_401_forces_one_refresh_of_a_token_that_looks_fresh() -> None:
    """P2, step 10."""
    bench = Bench(make_grant())
    rejected = bench.source.token()

    token = bench.source.replacement(rejected)

    assert token.access_token.reveal() == "at-1"
    assert len(bench.http.requests) == 1


def test_a_401_first_adopts_what_a_sibling_stored() -> None:
    """Step 10: one re-read before anything is sent."""
    bench = Bench(make_grant())
    rejected = bench.source.token()
    bench.store.save_grant(make_grant(access="at-sibling", obtained_at=bench.clock()))

    token = bench.source.replacement(rejected)

    assert token.access_token.reveal() == "at-sibling"
    assert bench.http.requests == []


def test_a_server_that_refuses_every_token_is_not_refreshed_for_ever() -> None:
    """TF7, step 10: five a minute."""
    bench = Bench(make_grant())
    token = bench.source.token()

    for _ in range(5):
        token = bench.source.replacement(token)
    with pytest.raises(LoginRequired):
        bench.source.replacement(token)

    assert len(bench.http.requests) == 5


def test_a_transient_failure_after_a_401_is_not_a_login() -> None:
    """W5, W17: the network is down, and that is all that is known."""
    bench = Bench(make_grant(), failing(ConnectFailed("no route")))
    rejected = bench.source.token()

    with pytest.raises(ConnectFailed):
        bench.source.replacement(rejected)

    assert bench.stored().token == rejected


def test_a_forgotten_dynamic_client_needs_a_login_and_costs_no_token() -> None:
    """W5, TE20."""
    bench = Bench(make_grant())
    bench.store.save_registration("local", bench.stored().registration)
    bench.http.answer = lambda request: respond(401, {"error": "invalid_client"}, bench.clock)
    bench.clock.move(4000)

    with pytest.raises(LoginRequired):
        bench.source.token()

    assert bench.stored().token.refresh_token == Secret("rt-0")
    assert bench.store.find_registration("local", "https://auth.example") is None


def test_a_refused_configured_client_is_an_error_of_the_configuration() -> None:
    bench = Bench(make_grant(kind=RegistrationKind.PRE_REGISTERED))
    bench.http.answer = lambda request: respond(401, {"error": "invalid_client"}, bench.clock)
    bench.clock.move(4000)

    with pytest.raises(InvalidClient):
        bench.source.token()

    assert bench.stored().token.refresh_token == Secret("rt-0")


def test_a_cancelled_task_does_not_abort_the_refresh() -> None:
    """TE18: the request may have rotated the token already, so it is carried through and stored."""
    bench = Bench(make_grant())
    bench.clock.move(4000)
    bench.http.gate = threading.Event()

    async def give_up() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(bench.source.token_async)
            while not bench.http.arrived.is_set():
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    anyio.run(give_up)
    bench.http.gate.set()
    with bench.store.lock(bench.stored().key):
        stored = bench.stored()

    assert stored.token.access_token.reveal() == "at-1"


def test_a_flight_that_nobody_waits_for_any_more_sends_nothing() -> None:
    """Decision 4: whoever waits for a sibling's lock lets go at once when its callers are gone."""
    bench = Bench(make_grant())
    bench.clock.move(4000)

    async def give_up() -> None:
        with anyio.move_on_after(0):
            await bench.source.token_async()

    with bench.store.lock(bench.stored().key):
        anyio.run(give_up)
    with bench.store.lock(bench.stored().key):
        pass

    assert bench.http.requests == []


def test_a_refresh_that_lost_against_a_logout_brings_nothing_back() -> None:
    """Step 7: compare-and-set on the generation."""
    bench = Bench(make_grant())
    bench.clock.move(4000)

    def sign_out_meanwhile(request: Request) -> Response:
        bench.store.forget_grant(bench.store.list_grants("local")[0].key)
        return bench.server(request)

    bench.http.answer = sign_out_meanwhile

    with pytest.raises(LoginRequired):
        bench.source.token()

    assert bench.store.list_grants("local") == []


def test_an_account_of_its_own_has_a_token_of_its_own() -> None:
    """Decision 7."""
    bench = Bench(make_grant())
    bench.store.save_grant(make_grant(access="at-work", account="work"))
    work = TokenSource(
        replace(SETTINGS, account="work"),
        store=bench.store,
        http=lambda: bench.http,
        read_credentials=no_credentials,
        clock=bench.clock,
    )

    assert work.token().access_token.reveal() == "at-work"
    assert bench.source.token().access_token.reveal() == "at-0"


def test_a_program_that_can_start_no_thread_uses_a_good_token() -> None:
    """An interpreter that is ending starts none."""
    bench = Bench(make_grant())
    bench.clock.move(3600 - 540)

    def fail(work: Callable[[Flying], Grant]) -> Flying:
        raise RuntimeError("can't start new thread")

    bench.source._fly = fail

    assert bench.source.token().access_token.reveal() == "at-0"


def test_a_program_that_is_ending_gets_no_token_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent any more, and that is all that is known."""
    ending = threading.Event()
    ending.set()
    monkeypatch.setattr("handstamp.flight._exit.begun", ending)
    bench = Bench(make_grant())
    bench.clock.move(4000)

    with pytest.raises(TimedOut):
        bench.source.token()

    assert bench.http.requests == []
