"""What `vault.db` does beyond the contract: modes, damage, other programs, deletion, forks."""

import os
import sqlite3
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier, Thread

import pytest

from handstamp.errors import KeyUnavailable, StoreUnreachable, VaultCorrupt, VaultLocked
from handstamp.model import Grant, GrantKey
from handstamp.stores import migrations
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import KEY_A, KEY_B, HeldKey, SilentKey, open_store
from stores.processes import finish, read_line, start
from stores.samples import GRANT, KEY, REGISTRATION, SECRETS, grant_for


@contextmanager
def without_privileges(directory: Path) -> Generator[None]:
    """As whoever runs the tests; where that is root, whom no mode binds, as nobody, to whom `directory` is given."""
    if os.geteuid() != 0:
        yield
        return
    for path in (directory, *directory.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


NOBODY = 65_534

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")


def find(store: SqliteStore, key: GrantKey = KEY) -> Grant | None:
    return store.find_grant(key.owner, key.server, key.account, key.issuer)


def change(directory: Path, statement: str, *values: object) -> None:
    """What another program with the same rights can do to the file."""
    with closing(sqlite3.connect(directory / "vault.db")) as connection:
        connection.execute(statement, values)
        connection.commit()


class TestMaking:
    def test_nothing_is_made_before_something_is_written(self, store: SqliteStore, directory: Path) -> None:
        find(store)
        store.list_grants("alice")
        store.forget_grant(KEY)
        store.data_version()
        store.close()

        assert not directory.exists()

    def test_a_new_vault_announces_its_key_in_one_line_and_once(self, directory: Path) -> None:
        lines: list[str] = []
        store = SqliteStore(directory, [HeldKey()], announce=lines.append)

        store.save_grant(GRANT)
        store.save_grant(GRANT)
        store.close()

        assert lines == ["New vault: its key is in the test's environment."]

    def test_a_vault_can_be_made_before_a_login_needs_it(self, store: SqliteStore, directory: Path) -> None:
        store.prepare()

        assert (directory / "vault.db").exists()
        assert store.describe_key() == "the test's environment"

    def test_a_provider_that_fails_leaves_no_half_made_vault(self, directory: Path) -> None:
        store = SqliteStore(directory, [SilentKey(), HeldKey()])

        with pytest.raises(KeyUnavailable):
            store.save_grant(GRANT)

        assert {path.name for path in directory.iterdir()} == {"CACHEDIR.TAG", "locks"}

    def test_what_a_crash_left_while_making_is_swept_away(self, store: SqliteStore, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        (directory / "vault.db.new").write_bytes(b"half")
        (directory / "vault.db.new-wal").write_bytes(b"half")

        store.save_grant(GRANT)

        assert find(store) is not None
        assert not list(directory.glob("vault.db.new*"))

    def test_the_log_of_a_vault_that_was_moved_away_is_not_replayed_into_a_new_one(
        self, store: SqliteStore, directory: Path
    ) -> None:
        directory.mkdir(mode=0o700)
        log = directory / "vault.db-wal"
        log.touch(0o600)
        log.write_bytes(b"frames of another vault")

        with pytest.raises(VaultCorrupt) as caught:
            store.save_grant(GRANT)

        assert caught.value.hint == f"mv {log} {log}.broken"

    def test_eight_processes_that_start_at_once_agree_on_one_key(self, directory: Path) -> None:
        program = """
import sys
from pathlib import Path
from dataclasses import replace
from handstamp.stores.keys.file import FileKey
from handstamp.stores.sqlite import SqliteStore
from stores.samples import grant_for
directory = Path(sys.argv[1])
store = SqliteStore(directory, [FileKey(directory)], announce=print)
print("ready", flush=True)
sys.stdin.readline()
store.save_grant(grant_for(account=sys.argv[2]))
"""
        crowd = [start(program, directory, number) for number in range(8)]
        for process in crowd:
            assert read_line(process) == "ready"

        for process in crowd:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        announced = [finish(process) for process in crowd]

        assert sorted(map(len, announced))[:7] == [0] * 7
        with closing(reopen_with_file_key(directory)) as store:
            assert len(store.list_grants("alice")) == 8


def reopen_with_file_key(directory: Path) -> SqliteStore:
    from handstamp.stores.keys.file import FileKey

    return SqliteStore(directory, [FileKey(directory)])


class TestDamage:
    @pytest.mark.parametrize("content", [b"", b"not a database, but long enough to have a header of one hundred bytes " * 4])
    def test_a_file_that_is_no_database_is_named_and_left_alone(
        self, store: SqliteStore, directory: Path, content: bytes
    ) -> None:
        """TG6."""
        directory.mkdir(mode=0o700)
        path = directory / "vault.db"
        path.touch(0o600)
        path.write_bytes(content)

        for use in (lambda: find(store), lambda: store.save_grant(GRANT), lambda: store.forget_grant(KEY), store.data_version):
            with pytest.raises(VaultCorrupt, match=r"vault\.db") as caught:
                use()
            assert caught.value.hint == f"mv {path} {path}.broken"

        assert path.read_bytes() == content

    def test_the_hint_for_a_broken_vault_leads_to_a_new_one(self, store: SqliteStore, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        path = directory / "vault.db"
        path.touch(0o600)
        path.write_bytes(b"broken" * 100)
        with pytest.raises(VaultCorrupt):
            find(store)

        path.rename(f"{path}.broken")

        store.save_grant(GRANT)
        assert find(store) is not None

    def test_one_that_loses_its_header_while_it_is_open_is_corrupt(self, store: SqliteStore, directory: Path) -> None:
        store.save_grant(GRANT)
        with closing(sqlite3.connect(directory / "vault.db")) as connection:
            connection.execute("DELETE FROM header")
            connection.commit()

        with pytest.raises(VaultCorrupt, match="has no header"):
            store.list_grants("alice")
        with pytest.raises(VaultCorrupt, match="has no header"):
            store.save_grant(GRANT)

    def test_a_vault_without_its_header_is_corrupt(self, store: SqliteStore, directory: Path) -> None:
        store.save_grant(GRANT)
        store.close()
        change(directory, "DELETE FROM header")

        with pytest.raises(VaultCorrupt, match="has no header"):
            find(store)

    def test_a_vault_without_its_tables_is_corrupt(self, store: SqliteStore, directory: Path) -> None:
        store.save_grant(GRANT)
        store.close()
        change(directory, "DROP TABLE header")

        with pytest.raises(VaultCorrupt):
            find(store)

    def test_opening_and_reading_changes_nothing(self, store: SqliteStore, directory: Path) -> None:
        store.save_grant(GRANT)
        store.close()
        path = directory / "vault.db"
        before = (path.read_bytes(), path.stat().st_mtime_ns)

        find(store)
        store.prepare()
        store.data_version()
        store.close()

        assert (path.read_bytes(), path.stat().st_mtime_ns) == before
        assert sorted(file.name for file in directory.iterdir()) == ["CACHEDIR.TAG", "locks", "vault.db"]

    def test_a_full_disk_is_told_and_loses_nothing(self, store: SqliteStore, directory: Path) -> None:
        pytest.importorskip("resource")
        saved = store.save_grant(GRANT)
        program = """
import resource, signal, sys
from pathlib import Path
from handstamp.errors import StoreUnreachable
from stores.fakes import open_store
from stores.samples import GRANT
store = open_store(Path(sys.argv[1]))
store.prepare()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    store.save_grant(GRANT)
except StoreUnreachable as error:
    print(error.message)
"""

        said = finish(start(program, directory))

        assert f"{directory / 'vault.db'} cannot be used" in said
        assert find(store) == saved

    @needs_posix
    def test_a_read_only_directory_is_told(self) -> None:
        with TemporaryDirectory() as place, closing(open_store(Path(place))) as store:
            store.save_grant(GRANT)
            store.close()

            with without_privileges(Path(place)):
                Path(place).chmod(0o500)
                with pytest.raises(StoreUnreachable):
                    store.save_grant(GRANT)
                Path(place).chmod(0o700)

    def test_a_writer_that_never_ends_is_told_as_locked(self, store: SqliteStore, directory: Path) -> None:
        store.prepare()
        impatient = open_store(directory, patience=0.001)
        with closing(sqlite3.connect(directory / "vault.db", isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")

            with pytest.raises(VaultLocked):
                impatient.save_grant(GRANT)

        impatient.close()


class TestSeal:
    @pytest.mark.parametrize("value", ["text", 7, b"", b"\x01", b"\x02" * 60, b"\x01" * 60])
    def test_a_row_of_rubbish_does_not_open(self, store: SqliteStore, directory: Path, value: object) -> None:
        store.save_grant(GRANT)
        change(directory, "UPDATE grants SET sealed = ?", value)

        with pytest.raises(VaultCorrupt):
            find(store)

    def test_a_generation_of_rubbish_does_not_open(self, store: SqliteStore, directory: Path) -> None:
        store.save_grant(GRANT)
        change(directory, "UPDATE grants SET generation = x'00'")

        with pytest.raises(VaultCorrupt):
            find(store)

    def test_a_damaged_grant_does_not_hide_its_neighbours(self, store: SqliteStore, directory: Path) -> None:
        other = grant_for(server="https://other.example/mcp")
        store.save_grant(GRANT)
        intact = store.save_grant(other)

        change(directory, "UPDATE grants SET sealed = x'00' WHERE server = ?", KEY.server)

        assert store.list_keys("alice") == [KEY, other.key]
        assert store.list_grants("alice") == [intact]
        assert find(store, other.key) == intact
        with pytest.raises(VaultCorrupt):
            find(store)

    @pytest.mark.parametrize("damage", ["sealed = x'00'", "generation = x'00'", "generation = 'text'"])
    def test_a_damaged_grant_can_be_forgotten_and_made_anew(self, store: SqliteStore, directory: Path, damage: str) -> None:
        store.save_grant(GRANT)
        change(directory, f"UPDATE grants SET {damage}")

        assert store.forget_grant(KEY) is True
        assert find(store) is None

        assert find(store, store.save_grant(GRANT).key) is not None

    def test_a_sign_in_replaces_a_grant_whose_generation_is_damaged(self, store: SqliteStore, directory: Path) -> None:
        store.save_grant(GRANT)
        change(directory, "UPDATE grants SET generation = x'00'")

        saved = store.save_grant(GRANT)

        assert find(store) == saved

    def test_no_secret_stands_in_any_file(self, store: SqliteStore, directory: Path) -> None:
        """A-101."""
        store.save_grant(GRANT)
        store.save_registration("alice", REGISTRATION)
        assert REGISTRATION.client_secret is not None
        store.save_client_secret("alice", KEY.server, "client-1", REGISTRATION.client_secret)

        content = b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())

        assert not [secret for secret in SECRETS if secret.encode() in content]
        assert KEY_A not in content


class TestKeys:
    def test_a_new_vault_takes_the_first_provider_that_is_set_up(self, directory: Path) -> None:
        absent, present, later = (
            HeldKey(name="environment", available=False),
            HeldKey(None, name="keychain"),
            HeldKey(KEY_B, name="file"),
        )
        store = SqliteStore(directory, [absent, present, later])

        store.save_grant(GRANT)
        store.close()

        assert present.key == KEY_A
        assert (absent.loads, later.loads) == (0, 0)

    def test_a_new_vault_takes_no_weaker_provider_where_one_does_not_answer(self, directory: Path) -> None:
        """TG11."""
        file = HeldKey(None, name="file")

        with pytest.raises(KeyUnavailable, match="did not answer"):
            SqliteStore(directory, [SilentKey(), file]).save_grant(GRANT)

        assert file.key is None

    def test_no_provider_at_all_is_told(self, directory: Path) -> None:
        with pytest.raises(KeyUnavailable, match="No place"):
            SqliteStore(directory, []).save_grant(GRANT)

    def test_an_existing_vault_keeps_to_its_provider(self, directory: Path) -> None:
        """TG20."""
        store = SqliteStore(directory, [HeldKey(name="file")])
        saved = store.save_grant(GRANT)
        store.close()
        stronger = HeldKey(KEY_B, name="environment")

        reopened = SqliteStore(directory, [stronger, HeldKey(name="file")])

        assert find(reopened) == saved
        assert stronger.loads == 0
        reopened.close()

    def test_a_provider_is_asked_once_a_process_however_many_threads(self, directory: Path) -> None:
        store = open_store(directory)
        store.save_grant(GRANT)
        store.close()
        provider = HeldKey()
        reopened = SqliteStore(directory, [provider])
        find(reopened)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(find, [reopened] * 8))
        reopened.close()

        assert provider.loads == 1

    def test_no_representation_shows_the_key(self, store: SqliteStore) -> None:
        store.save_grant(GRANT)

        assert repr(KEY_A) not in repr(vars(store))


class TestProcesses:
    def test_what_another_process_wrote_is_seen(self, store: SqliteStore, directory: Path) -> None:
        store.save_grant(GRANT)
        before = store.data_version()
        program = """
import sys
from pathlib import Path
from stores.fakes import open_store
from stores.samples import GRANT, with_access_token
open_store(Path(sys.argv[1])).save_grant(with_access_token(GRANT, "from-elsewhere"))
"""

        finish(start(program, directory))

        assert store.data_version() != before
        found = find(store)
        assert found is not None
        assert found.token.access_token.reveal() == "from-elsewhere"
        assert found.generation == 2

    def test_the_connection_of_a_thread_ends_with_it(self, store: SqliteStore, directory: Path) -> None:
        store.save_grant(GRANT)
        descriptors = Path("/proc/self/fd")
        if not descriptors.exists():
            pytest.skip("needs /proc")

        def count() -> int:
            return sum(str(directory) in str(link.readlink()) for link in descriptors.iterdir() if link.is_symlink())

        before = count()
        for _ in range(5):
            thread = Thread(target=find, args=(store,))
            thread.start()
            thread.join()

        # POSIX: SQLite keeps a closed connection's descriptor until the last lock on the file is gone, and uses it again.
        assert count() <= before + 2

    def test_threads_may_use_one_store_while_another_closes_it(self, store: SqliteStore) -> None:
        store.save_grant(GRANT)
        together = Barrier(3)

        def use() -> None:
            together.wait()
            for _ in range(50):
                try:
                    find(store)
                except StoreUnreachable:
                    continue

        threads = [Thread(target=use) for _ in range(2)]
        for thread in threads:
            thread.start()
        together.wait()
        for _ in range(20):
            store.close()
        for thread in threads:
            thread.join()

        assert find(store) is not None


class TestMigrations:
    def test_each_migration_is_recorded(self, store: SqliteStore, directory: Path) -> None:
        store.prepare()

        with closing(sqlite3.connect(directory / "vault.db")) as connection:
            assert connection.execute("SELECT number, name FROM migrations").fetchall() == [(1, "create_tables")]
            assert connection.execute("SELECT schema FROM header").fetchall() == [(migrations.SCHEMA,)]

    def test_an_older_vault_is_brought_forward_step_by_step(self, store: SqliteStore, directory: Path) -> None:
        store.prepare()
        store.close()

        def add_colour(connection: sqlite3.Connection) -> None:
            connection.execute("ALTER TABLE grants ADD COLUMN colour TEXT")

        def break_off(connection: sqlite3.Connection) -> None:
            connection.execute("ALTER TABLE grants ADD COLUMN half TEXT")
            raise RuntimeError("power cut")

        with closing(sqlite3.connect(directory / "vault.db", isolation_level=None)) as connection:
            with pytest.raises(RuntimeError):
                migrations.migrate(connection, directory, [*migrations.MIGRATIONS, add_colour, break_off])

            columns = [row[1] for row in connection.execute("PRAGMA table_info(grants)")]
            assert "colour" in columns
            assert "half" not in columns
            assert connection.execute("SELECT schema FROM header").fetchall() == [(2,)]


def test_who_sign_out_at_once_do_not_take_each_other_for_a_reader(tmp_path: Path) -> None:
    """TG16: each empties the log, and SQLite says at once of a checkpoint that another one is under way."""
    store = open_store(tmp_path)
    grants = [store.save_grant(grant_for(server=f"https://{number}.example/mcp")) for number in range(40)]

    with ThreadPoolExecutor(4) as threads:
        gone = list(threads.map(lambda grant: store.forget_grant(grant.key), grants))

    assert gone == [True] * 40
    store.close()
