"""What every GrantStore does, wherever it keeps things."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from handstamp.model import GrantKey, RegistrationKind, Secret
from handstamp.ports import GrantStore
from handstamp.stores.memory import MemoryStore
from stores.fakes import open_store
from stores.samples import GRANT, KEY, REGISTRATION, grant_for, with_access_token


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[GrantStore, None, None]:
    opened: GrantStore = MemoryStore() if request.param == "memory" else open_store(tmp_path / "state")
    yield opened
    opened.close()


def find(store: GrantStore, key: GrantKey = KEY) -> object:
    return store.find_grant(key.owner, key.server, key.account, key.issuer)


def test_an_empty_store_has_nothing(store: GrantStore) -> None:
    assert find(store) is None
    assert store.find_grant("alice", KEY.server, "default") is None
    assert store.list_grants("alice") == []
    assert store.list_keys("alice") == []
    assert store.find_registration("alice", KEY.issuer) is None
    assert store.find_client_secret("alice", KEY.server, "client-1") is None


def test_a_saved_grant_comes_back_whole_and_counted(store: GrantStore) -> None:
    saved = store.save_grant(GRANT)

    assert saved == replace(GRANT, generation=1)
    assert find(store) == saved


def test_a_grant_without_its_optional_parts_comes_back(store: GrantStore) -> None:
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


def test_saving_replaces_whatever_the_generation(store: GrantStore) -> None:
    store.save_grant(GRANT)

    again = store.save_grant(with_access_token(GRANT, "second"))

    assert again.generation == 2
    assert find(store) == again


def test_a_refresh_replaces_the_generation_that_it_read(store: GrantStore) -> None:
    saved = store.save_grant(GRANT)

    renewed = store.replace_grant(with_access_token(saved, "renewed"))

    assert renewed == replace(with_access_token(saved, "renewed"), generation=2)
    assert find(store) == renewed


def test_a_refresh_of_an_overtaken_generation_changes_nothing(store: GrantStore) -> None:
    saved = store.save_grant(GRANT)
    newer = store.save_grant(with_access_token(GRANT, "newer"))

    assert store.replace_grant(with_access_token(saved, "late")) is None
    assert find(store) == newer


def test_a_refresh_of_a_forgotten_grant_changes_nothing(store: GrantStore) -> None:
    saved = store.save_grant(GRANT)
    store.forget_grant(KEY)

    assert store.replace_grant(saved) is None
    assert find(store) is None


def test_a_generation_never_comes_back_after_a_logout(store: GrantStore) -> None:
    before = store.save_grant(GRANT)
    store.forget_grant(KEY)
    after = store.save_grant(GRANT)

    assert after.generation > before.generation
    assert store.replace_grant(before) is None
    assert find(store) == after


def test_forgetting_tells_whether_there_was_one(store: GrantStore) -> None:
    assert store.forget_grant(KEY) is False

    store.save_grant(GRANT)

    assert store.forget_grant(KEY) is True
    assert store.forget_grant(KEY) is False
    assert store.list_grants("alice") == []


def test_forgetting_one_leaves_its_neighbours(store: GrantStore) -> None:
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


def test_without_an_issuer_the_grant_that_was_granted_last_is_found(store: GrantStore) -> None:
    store.save_grant(grant_for(issuer="https://old.example", at=1.0))
    newest = store.save_grant(grant_for(issuer="https://new.example", at=3.0))
    store.save_grant(grant_for(issuer="https://middle.example", at=2.0))

    assert store.find_grant(KEY.owner, KEY.server, KEY.account) == newest


def test_of_two_granted_at_once_the_one_saved_last_is_found(store: GrantStore) -> None:
    store.save_grant(grant_for(issuer="https://z.example", at=1.0))
    newest = store.save_grant(grant_for(issuer="https://a.example", at=1.0))

    assert store.find_grant(KEY.owner, KEY.server, KEY.account) == newest


def test_grants_are_listed_for_one_owner_by_server_account_and_issuer(store: GrantStore) -> None:
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
def test_any_text_is_a_name(store: GrantStore, name: str) -> None:
    """TG21."""
    grant = grant_for(owner=name, server=name, account=name, issuer=name)

    with store.lock(grant.key):
        saved = store.save_grant(grant)

    assert find(store, grant.key) == saved
    assert store.list_grants(name) == [saved]
    assert store.list_keys(name) == [grant.key]


def test_a_registration_is_kept_per_owner_and_issuer(store: GrantStore) -> None:
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


def test_a_configured_client_secret_is_not_stored_with_a_grant_or_a_registration(store: GrantStore) -> None:
    """W12."""
    configured = replace(REGISTRATION, kind=RegistrationKind.PRE_REGISTERED, client_secret_from="env:SECRET")
    store.save_registration("alice", configured)

    saved = store.save_grant(replace(GRANT, registration=configured))

    assert saved.registration == replace(configured, client_secret=None)
    assert find(store) == saved
    assert store.find_registration("alice", KEY.issuer) == replace(configured, client_secret=None)


def test_client_secrets_are_kept_per_owner_server_and_client(store: GrantStore) -> None:
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


def test_the_data_version_rests_while_nobody_writes_and_moves_with_each_write(store: GrantStore) -> None:
    versions = [store.data_version()]
    store.save_grant(GRANT)
    versions.append(store.data_version())
    assert store.data_version() == versions[-1]
    store.save_grant(GRANT)
    versions.append(store.data_version())
    store.forget_grant(KEY)
    versions.append(store.data_version())

    assert len(set(versions)) == 4


def test_the_data_version_shows_what_another_thread_wrote(store: GrantStore) -> None:
    store.save_grant(GRANT)
    before = store.data_version()

    writer = Thread(target=store.save_grant, args=(GRANT,))
    writer.start()
    writer.join()

    assert store.data_version() != before


def test_a_lock_has_one_holder_among_threads(store: GrantStore) -> None:
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


def test_locks_of_different_grants_are_held_side_by_side(store: GrantStore) -> None:
    with store.lock(KEY), store.lock(replace(KEY, account="work")), store.lock(replace(KEY, owner="bob")):
        pass


def test_a_lock_is_free_again_after_a_failure(store: GrantStore) -> None:
    with pytest.raises(ZeroDivisionError), store.lock(KEY):
        raise ZeroDivisionError

    with store.lock(KEY):
        pass


def test_of_many_threads_that_renew_one_generation_one_wins(store: GrantStore) -> None:
    saved = store.save_grant(GRANT)

    renewals = [with_access_token(saved, f"token-{number}") for number in range(32)]

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(store.replace_grant, renewals))

    winners = [outcome for outcome in outcomes if outcome is not None]
    assert len(winners) == 1
    assert find(store) == winners[0]


def test_nothing_is_lost_where_threads_add_up_under_the_lock(store: GrantStore) -> None:
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


def test_a_closed_store_can_be_used_again(store: GrantStore) -> None:
    saved = store.save_grant(GRANT)

    store.close()

    assert find(store) == saved
