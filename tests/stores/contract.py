"""
The contract of a store of grants, as tests: whoever writes another store makes it pass them, unchanged.

To plug one in, say in `test_contract.py` where its data is and how it is opened, and inherit:

    class TestPostgres(DurableContract):
        @pytest.fixture
        def place(self, empty_schema: str) -> Place:
            return PostgresPlace(empty_schema)

`StoreContract` is what every store does; `DurableContract` adds what can only be asked of one that other processes share. What a
store has to do beyond both, with its files or its server, has tests of its own (`test_sqlite.py`).

What it comes to:

- **Names.** A grant is filed under owner, server, account and issuer, a registration under owner and issuer, a client secret
  under owner, server and client_id. Names are compared by their characters, whatever these are. No owner sees, changes or waits
  for what is another's.
- **Values.** What is stored comes back whole, but for the secret of a client that a person configured, which is never stored.
- **Generations.** Each write of a grant counts one on. `save_grant` writes in any case; `replace_grant` only over the generation
  that it was read with, and of many that try one wins. A generation never comes back, not even after the grant was forgotten.
- **Locks.** One holder a grant, among threads and processes; locks of different grants know nothing of each other. Let go at the
  end of the block, also after an error, and when the holder dies. Without `wait` the answer comes at once.
- **Order.** When a write returns, it will outlast the process, and whoever reads afterwards, anywhere, finds it.
- **Versions.** `data_version` rests while nobody writes, and is another one after any write of anybody.
"""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields, replace
from itertools import combinations
from threading import Event, Thread
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck, given, settings

from handstamp.model import Grant, GrantKey, RegistrationKind, Secret
from handstamp.ports import GrantStore
from handstamp.stores.records import without_configured_secret
from stores.processes import finish, read_line, start
from stores.samples import GRANT, KEY, OTHER, REGISTRATION, grant_for, with_access_token
from stores.strategies import grants

if TYPE_CHECKING:
    import subprocess

__all__ = ["DurableContract", "Place", "StoreContract"]


class Place(Protocol):
    """Where a store keeps its data, empty at the start of a test."""

    @property
    def program(self) -> str:
        """Python that opens it as `store` in another process, which is given nothing. Empty where no other process can."""
        ...

    def open(self) -> GrantStore:
        """Each time as another program would."""
        ...


Run = Callable[[str], "subprocess.Popen[str]"]
Write = Callable[[GrantStore], object]

WRITES: dict[str, Write] = {
    "save_grant": lambda store: store.save_grant(GRANT),
    "replace_grant": lambda store: store.replace_grant(replace(GRANT, generation=1)),
    "forget_grant": lambda store: store.forget_grant(KEY),
    "save_registration": lambda store: store.save_registration("alice", REGISTRATION),
    "forget_registration": lambda store: store.forget_registration("alice", KEY.issuer),
    "save_client_secret": lambda store: store.save_client_secret("alice", KEY.server, "client-1", Secret("second")),
    "forget_client_secrets": lambda store: store.forget_client_secrets("alice", KEY.server),
}

IMPORTS = """
import sys
from pathlib import Path
from stores.fakes import open_store
from stores.samples import GRANT, KEY
"""


SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors)
"""The examples of a test may meet in one store, and the stores inherit the test."""

LOOKALIKES = ["alice", "Alice", "alice ", "alice\0", "", "0", "%", "_", "alice' OR '1'='1", "\u00e9", "e\u0301", "*", "\n"]
"""Names that a careless comparison takes for one another."""


def find(store: GrantStore, key: GrantKey = KEY) -> object:
    return store.find_grant(key.owner, key.server, key.account, key.issuer)


class StoreContract:
    """What every store does."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError("a contract is inherited, with a place")

    @pytest.fixture
    def store(self, place: Place) -> Generator[GrantStore]:
        with closing(place.open()) as opened:
            yield opened

    def test_an_empty_store_has_nothing(self, store: GrantStore) -> None:
        assert find(store) is None
        assert store.find_grant("alice", KEY.server, "default") is None
        assert store.list_grants("alice") == []
        assert store.list_keys("alice") == []
        assert store.find_registration("alice", KEY.issuer) is None
        assert store.find_client_secret("alice", KEY.server, "client-1") is None

    def test_a_saved_grant_comes_back_whole_and_counted(self, store: GrantStore) -> None:
        saved = store.save_grant(GRANT)

        assert saved == replace(GRANT, generation=1)
        assert find(store) == saved

    def test_a_grant_without_its_optional_parts_comes_back(self, store: GrantStore) -> None:
        bare = replace(
            GRANT,
            scopes=(),
            token=replace(GRANT.token, expires_at=None, refresh_token=None),
            revocation_endpoint=None,
            identity=None,
            refused="fingerprint",
            requested_scopes=(),
        )

        saved = store.save_grant(bare)

        assert find(store) == saved == replace(bare, generation=1)

    def test_saving_replaces_whatever_the_generation(self, store: GrantStore) -> None:
        store.save_grant(GRANT)

        again = store.save_grant(with_access_token(GRANT, "second"))

        assert again.generation == 2
        assert find(store) == again

    def test_a_refresh_replaces_the_generation_that_it_read(self, store: GrantStore) -> None:
        saved = store.save_grant(GRANT)

        renewed = store.replace_grant(with_access_token(saved, "renewed"))

        assert renewed == replace(with_access_token(saved, "renewed"), generation=2)
        assert find(store) == renewed

    def test_a_refresh_of_an_overtaken_generation_changes_nothing(self, store: GrantStore) -> None:
        saved = store.save_grant(GRANT)
        newer = store.save_grant(with_access_token(GRANT, "newer"))

        assert store.replace_grant(with_access_token(saved, "late")) is None
        assert find(store) == newer

    def test_a_refresh_of_a_forgotten_grant_changes_nothing(self, store: GrantStore) -> None:
        saved = store.save_grant(GRANT)
        store.forget_grant(KEY)

        assert store.replace_grant(saved) is None
        assert find(store) is None

    def test_a_generation_never_comes_back_after_a_logout(self, store: GrantStore) -> None:
        before = store.save_grant(GRANT)
        store.forget_grant(KEY)
        after = store.save_grant(GRANT)

        assert after.generation > before.generation
        assert store.replace_grant(before) is None
        assert find(store) == after

    def test_forgetting_tells_whether_there_was_one(self, store: GrantStore) -> None:
        assert store.forget_grant(KEY) is False

        store.save_grant(GRANT)

        assert store.forget_grant(KEY) is True
        assert store.forget_grant(KEY) is False
        assert store.list_grants("alice") == []

    def test_forgetting_one_leaves_its_neighbours(self, store: GrantStore) -> None:
        kept = [
            store.save_grant(grant_for(owner="bob")),
            store.save_grant(grant_for(server="https://other.example/mcp")),
            store.save_grant(grant_for(account="work")),
            store.save_grant(grant_for(issuer="https://other-issuer.example")),
        ]
        store.save_grant(GRANT)

        store.forget_grant(KEY)

        assert find(store) is None
        assert [find(store, grant.key) for grant in kept] == kept

    def test_without_an_issuer_the_grant_that_was_granted_last_is_found(self, store: GrantStore) -> None:
        store.save_grant(grant_for(issuer="https://old.example", at=1.0))
        newest = store.save_grant(grant_for(issuer="https://new.example", at=3.0))
        store.save_grant(grant_for(issuer="https://middle.example", at=2.0))

        assert store.find_grant(KEY.owner, KEY.server, KEY.account) == newest

    def test_of_two_granted_at_once_the_one_saved_last_is_found(self, store: GrantStore) -> None:
        store.save_grant(grant_for(issuer="https://z.example", at=1.0))
        newest = store.save_grant(grant_for(issuer="https://a.example", at=1.0))

        assert store.find_grant(KEY.owner, KEY.server, KEY.account) == newest

    def test_grants_are_listed_for_one_owner_by_server_account_and_issuer(self, store: GrantStore) -> None:
        places = [
            ("https://b.example", "x", "i"),
            ("https://a.example", "y", "i"),
            ("https://a.example", "x", "k"),
            ("https://a.example", "x", "j"),
        ]
        for server, account, issuer in places:
            store.save_grant(grant_for(server=server, account=account, issuer=issuer))
        store.save_grant(grant_for(owner="bob"))

        listed = [(grant.key.server, grant.key.account, grant.key.issuer) for grant in store.list_grants("alice")]

        assert listed == sorted(places)
        assert store.list_keys("alice") == [grant.key for grant in store.list_grants("alice")]

    @pytest.mark.parametrize("name", ["../../etc/passwd", "a\0b", "CON", "x" * 300, "ünï©ødé", "'; DROP TABLE grants; --", ""])
    def test_any_text_is_a_name(self, store: GrantStore, name: str) -> None:
        """TG21."""
        grant = grant_for(owner=name, server=name, account=name, issuer=name)

        with store.lock(grant.key):
            saved = store.save_grant(grant)

        assert find(store, grant.key) == saved
        assert store.list_grants(name) == [saved]
        assert store.list_keys(name) == [grant.key]

    def test_a_registration_is_kept_per_owner_and_issuer(self, store: GrantStore) -> None:
        """A-18, A-59."""
        other = replace(REGISTRATION, issuer="https://other.example", client_id="client-2")
        store.save_registration("alice", REGISTRATION)
        store.save_registration("alice", other)
        store.save_registration("alice", replace(REGISTRATION, client_id="client-3"))

        assert store.find_registration("alice", KEY.issuer) == replace(REGISTRATION, client_id="client-3")
        assert store.find_registration("bob", KEY.issuer) is None

        store.forget_registration("alice", KEY.issuer)
        store.forget_registration("bob", KEY.issuer)

        assert store.find_registration("alice", KEY.issuer) is None
        assert store.find_registration("alice", other.issuer) == other

    def test_a_configured_client_secret_is_not_stored_with_a_grant_or_a_registration(self, store: GrantStore) -> None:
        """W12."""
        configured = replace(REGISTRATION, kind=RegistrationKind.PRE_REGISTERED, client_secret_from="env:SECRET")
        store.save_registration("alice", configured)

        saved = store.save_grant(replace(GRANT, registration=configured))

        assert saved.registration == replace(configured, client_secret=None)
        assert find(store) == saved
        assert store.find_registration("alice", KEY.issuer) == replace(configured, client_secret=None)

    def test_client_secrets_are_kept_per_owner_server_and_client(self, store: GrantStore) -> None:
        store.save_client_secret("alice", KEY.server, "one", Secret("first"))
        store.save_client_secret("alice", KEY.server, "two", Secret("sécond"))
        store.save_client_secret("alice", "https://other.example", "one", Secret("third"))
        store.save_client_secret("alice", KEY.server, "one", Secret("changed"))

        assert store.find_client_secret("alice", KEY.server, "one") == Secret("changed")
        assert store.find_client_secret("alice", KEY.server, "two") == Secret("sécond")
        assert store.find_client_secret("bob", KEY.server, "one") is None

        store.forget_client_secrets("alice", KEY.server)

        assert store.find_client_secret("alice", KEY.server, "one") is None
        assert store.find_client_secret("alice", KEY.server, "two") is None
        assert store.find_client_secret("alice", "https://other.example", "one") == Secret("third")

    def test_the_data_version_rests_while_nobody_writes_and_moves_with_each_write(self, store: GrantStore) -> None:
        versions = [store.data_version()]
        store.save_grant(GRANT)
        versions.append(store.data_version())
        assert store.data_version() == versions[-1]
        store.save_grant(GRANT)
        versions.append(store.data_version())
        store.forget_grant(KEY)
        versions.append(store.data_version())

        assert len(set(versions)) == 4

    def test_the_data_version_shows_what_another_thread_wrote(self, store: GrantStore) -> None:
        store.save_grant(GRANT)
        before = store.data_version()

        writer = Thread(target=store.save_grant, args=(GRANT,))
        writer.start()
        writer.join()

        assert store.data_version() != before

    def test_a_lock_has_one_holder_among_threads(self, store: GrantStore) -> None:
        order: list[str] = []
        waiting = Event()

        def wait_for_it() -> None:
            waiting.set()
            with store.lock(KEY):
                order.append("second")

        with store.lock(KEY):
            thread = Thread(target=wait_for_it)
            thread.start()
            waiting.wait()
            order.append("first")
        thread.join()

        assert order == ["first", "second"]

    def test_locks_of_different_grants_are_held_side_by_side(self, store: GrantStore) -> None:
        with store.lock(KEY), store.lock(replace(KEY, account="work")), store.lock(replace(KEY, owner="bob")):
            pass

    def test_a_lock_is_free_again_after_a_failure(self, store: GrantStore) -> None:
        with pytest.raises(ZeroDivisionError), store.lock(KEY):
            raise ZeroDivisionError

        with store.lock(KEY):
            pass

    def test_of_many_threads_that_renew_one_generation_one_wins(self, store: GrantStore) -> None:
        saved = store.save_grant(GRANT)

        renewals = [with_access_token(saved, f"token-{number}") for number in range(32)]

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(store.replace_grant, renewals))

        winners = [outcome for outcome in outcomes if outcome is not None]
        assert len(winners) == 1
        assert find(store) == winners[0]

    def test_nothing_is_lost_where_threads_add_up_under_the_lock(self, store: GrantStore) -> None:
        store.save_grant(GRANT)

        def renew(number: int) -> None:
            with store.lock(KEY):
                current = store.find_grant(KEY.owner, KEY.server, KEY.account, KEY.issuer)
                assert current is not None
                assert store.replace_grant(with_access_token(current, f"token-{number}")) is not None

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(renew, range(20)))

        stored = store.find_grant(KEY.owner, KEY.server, KEY.account, KEY.issuer)
        assert stored is not None
        assert stored.generation == 21

    def test_a_closed_store_can_be_used_again(self, store: GrantStore) -> None:
        saved = store.save_grant(GRANT)

        store.close()

        assert find(store) == saved

    @settings(max_examples=12, deadline=None, suppress_health_check=SHARED)
    @given(grant=grants())
    def test_every_part_of_a_grant_comes_back(self, store: GrantStore, grant: Grant) -> None:
        saved = store.save_grant(grant)

        expected = replace(grant, generation=saved.generation, registration=without_configured_secret(grant.registration))
        assert find(store, grant.key) == saved == expected

    @pytest.mark.parametrize("name", [field.name for field in fields(Grant) if field.name not in ("key", "generation")])
    def test_a_change_of_any_one_part_is_kept(self, store: GrantStore, name: str) -> None:
        """A part that somebody adds to the model and forgets here, or in the store, is found."""
        store.save_grant(GRANT)

        changed = replace(GRANT, **{name: getattr(OTHER, name)})
        saved = store.save_grant(changed)

        assert getattr(OTHER, name) != getattr(GRANT, name)
        assert find(store) == saved == replace(changed, generation=2)

    def test_no_owner_sees_what_is_anothers(self, store: GrantStore) -> None:
        """TI1, TI8."""
        for owner in LOOKALIKES:
            store.save_grant(with_access_token(grant_for(owner=owner), f"of {owner}"))
            store.save_registration(owner, replace(REGISTRATION, client_id=f"of {owner}"))
            store.save_client_secret(owner, KEY.server, "client-1", Secret(f"of {owner}"))

        for owner in LOOKALIKES:
            (grant,) = store.list_grants(owner)
            registration = store.find_registration(owner, KEY.issuer)
            assert grant.token.access_token.reveal() == f"of {owner}"
            assert store.list_keys(owner) == [replace(KEY, owner=owner)]
            assert store.find_grant(owner, KEY.server, KEY.account) == grant
            assert registration is not None
            assert registration.client_id == f"of {owner}"
            assert store.find_client_secret(owner, KEY.server, "client-1") == Secret(f"of {owner}")

    def test_no_owner_forgets_what_is_anothers(self, store: GrantStore) -> None:
        for owner in ("alice", "bob"):
            store.save_grant(grant_for(owner=owner))
            store.save_registration(owner, REGISTRATION)
            store.save_client_secret(owner, KEY.server, "client-1", Secret("kept"))

        store.forget_grant(replace(KEY, owner="bob"))
        store.forget_registration("bob", KEY.issuer)
        store.forget_client_secrets("bob", KEY.server)

        assert find(store) is not None
        assert store.find_registration("alice", KEY.issuer) == REGISTRATION
        assert store.find_client_secret("alice", KEY.server, "client-1") == Secret("kept")
        assert store.list_keys("bob") == []
        assert store.find_registration("bob", KEY.issuer) is None
        assert store.find_client_secret("bob", KEY.server, "client-1") is None

    def test_no_owner_waits_for_anothers_lock(self, store: GrantStore) -> None:
        for one, other in combinations(LOOKALIKES, 2):
            with store.lock(replace(KEY, owner=one)), store.lock(replace(KEY, owner=other), wait=False) as held:
                assert held

    def test_no_part_of_a_name_runs_into_the_next(self, store: GrantStore) -> None:
        one, other = GrantKey("a", "b/c", "d", "e"), GrantKey("a", "b", "c/d", "e")
        store.save_grant(replace(GRANT, key=one))

        with store.lock(one), store.lock(other, wait=False) as held:
            assert held
        assert find(store, other) is None

    def test_who_does_not_wait_is_told_at_once_that_a_lock_is_held(self, store: GrantStore) -> None:
        with store.lock(KEY), store.lock(KEY, wait=False) as second:
            assert second is False

        with store.lock(KEY, wait=False) as free:
            assert free is True

    def test_who_did_not_get_a_lock_does_not_let_it_go(self, store: GrantStore) -> None:
        with store.lock(KEY):
            with store.lock(KEY, wait=False):
                pass

            with store.lock(KEY, wait=False) as third:
                assert third is False

    def test_a_lock_that_was_not_waited_for_is_free_again_after_a_failure(self, store: GrantStore) -> None:
        with pytest.raises(ZeroDivisionError), store.lock(KEY, wait=False):
            raise ZeroDivisionError

        with store.lock(KEY, wait=False) as free:
            assert free is True

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
    def test_the_data_version_moves_with_a_write_of_any_kind(self, store: GrantStore, write: Write) -> None:
        store.save_grant(GRANT)
        store.save_registration("alice", REGISTRATION)
        store.save_client_secret("alice", KEY.server, "client-1", Secret("first"))
        before = store.data_version()

        write(store)

        assert store.data_version() != before

    def test_threads_that_write_at_once_lose_nothing(self, store: GrantStore) -> None:
        grants = [grant_for(account=str(number)) for number in range(24)]

        with ThreadPoolExecutor(6) as pool:
            saved = list(pool.map(store.save_grant, grants))

        assert store.list_grants("alice") == sorted(saved, key=lambda grant: grant.key)

    def test_a_store_that_is_opened_again_has_everything_and_counts_on(self, place: Place) -> None:
        with closing(place.open()) as first:
            first.save_grant(GRANT)
            first.save_grant(GRANT)
            first.forget_grant(KEY)

        with closing(place.open()) as second:
            saved = second.save_grant(GRANT)
            assert find(second) == saved
            assert saved.generation > 2


class DurableContract(StoreContract):
    """And what other processes may expect of one that they share."""

    @pytest.fixture
    def run(self, place: Place) -> Callable[[str], "subprocess.Popen[str]"]:
        """Starts a program that finds the store open as `store`."""
        return lambda program: start(f"{IMPORTS}{place.program}{program}")

    def test_two_programs_see_what_the_other_wrote(self, place: Place) -> None:
        with closing(place.open()) as one, closing(place.open()) as other:
            saved = one.save_grant(GRANT)
            before = one.data_version()
            assert find(other) == saved

            renewed = other.replace_grant(with_access_token(saved, "renewed"))

            assert one.data_version() != before
            assert find(one) == renewed
            assert one.replace_grant(with_access_token(saved, "late")) is None

    def test_what_was_acknowledged_before_a_kill_is_there(self, store: GrantStore, run: Run) -> None:
        process = run("while True: print(store.save_grant(GRANT).generation, flush=True)")
        acknowledged = [int(read_line(process)) for _ in range(20)][-1]

        process.kill()
        process.communicate()

        found = store.find_grant(KEY.owner, KEY.server, KEY.account)
        assert found is not None
        assert found.generation >= acknowledged

    def test_of_processes_that_renew_one_generation_one_wins(self, store: GrantStore, run: Run) -> None:
        store.save_grant(GRANT)
        program = """
grant = store.find_grant(KEY.owner, KEY.server, KEY.account, KEY.issuer)
print("ready", flush=True)
sys.stdin.readline()
print(store.replace_grant(grant) is not None)
"""
        crowd = [run(program) for _ in range(3)]
        for process in crowd:
            assert read_line(process) == "ready"

        answers = [finish(process, "go\n").strip() for process in crowd]

        assert sorted(answers) == ["False", "False", "True"]

    def test_a_lock_is_held_against_other_processes_and_dies_with_its_holder(self, store: GrantStore, run: Run) -> None:
        holder = run('with store.lock(KEY): print("held", flush=True); sys.stdin.readline()')
        assert read_line(holder) == "held"
        with store.lock(KEY, wait=False) as held:
            assert held is False
        with store.lock(replace(KEY, owner="bob"), wait=False) as held:
            assert held is True

        holder.kill()

        with store.lock(KEY):
            pass
        holder.communicate()
