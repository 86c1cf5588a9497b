"""A vault copied, and a copy put back: whole or not at all, whoever uses the vault meanwhile."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from handstamp.errors import HandstampError, KeyUnavailable, StoreUnreachable, UsageError, VaultCorrupt
from handstamp.model import Grant, Pending, Secret
from handstamp.renewal import fingerprint
from handstamp.stores.backups import Contents, back_up, read_backup, write_backup
from handstamp.stores.migrations import MIGRATIONS
from handstamp.stores.restoring import restore
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import KEY_B, HeldKey, open_store
from stores.processes import finish, read_line, start
from stores.samples import CLIENT_SECRET, GRANT, KEY, REGISTRATION, SECRETS, grant_for, with_access_token

NOW = 1_800_000_000.0
KEPT = "vault.db.20270115T080000Z"

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and signals")


def quietly(done: int, total: int) -> None:
    """Nobody watches."""


def find(store: SqliteStore) -> Grant | None:
    return store.find_grant(KEY.owner, KEY.server, KEY.account, KEY.issuer)


def read(path: Path) -> Contents:
    return read_backup(path, [HeldKey()], quietly)


def put_back(store: SqliteStore, path: Path) -> Path | None:
    return restore(store, read(path), now=NOW, progress=quietly)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def backup(store: SqliteStore, tmp_path: Path) -> Path:
    """Of a vault with one of everything."""
    store.save_grant(GRANT)
    store.save_registration("alice", REGISTRATION)
    store.save_client_secret("alice", KEY.server, "client-1", Secret(CLIENT_SECRET))
    path = tmp_path / "backups" / "one.db"
    path.parent.mkdir()
    back_up(store.database, path, quietly)
    return path


class TestWriting:
    def test_it_is_one_file_of_yours_alone_and_holds_everything_sealed(self, backup: Path) -> None:
        held = read(backup)

        assert held.grants == (replace(GRANT, generation=1),)
        assert held.registrations == (("alice", REGISTRATION),)
        assert held.client_secrets == (("alice", KEY.server, "client-1", Secret(CLIENT_SECRET)),)
        assert held.damaged == 0
        assert [path.name for path in backup.parent.iterdir()] == ["one.db"]
        assert backup.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
        assert not [secret for secret in SECRETS if secret.encode() in backup.read_bytes()]

    def test_reading_it_changes_nothing(self, backup: Path) -> None:
        before = (backup.read_bytes(), backup.stat().st_mtime_ns)

        read(backup)

        assert (backup.read_bytes(), backup.stat().st_mtime_ns) == before
        assert [path.name for path in backup.parent.iterdir()] == ["one.db"]

    def test_it_needs_no_key_and_names_its_place(self, directory: Path, backup: Path) -> None:
        without = SqliteStore(directory, [])

        written = back_up(without.database, backup.with_name("two.db"), quietly)

        assert (written.sign_ins, written.pin) == (1, "environment")

    def test_it_is_of_one_moment(self, store: SqliteStore, directory: Path, tmp_path: Path) -> None:
        store.save_grant(GRANT)
        with store.database.looking() as source, closing(open_store(directory)) as other:
            assert source is not None
            other.save_grant(grant_for(account="later"))

            write_backup(source, tmp_path / "one.db", quietly)

        assert len(read(tmp_path / "one.db").grants) == 1

    @pytest.mark.parametrize("there", ["file", "directory", "dangling link"])
    def test_a_name_that_is_taken_is_refused(self, store: SqliteStore, backup: Path, there: str) -> None:
        before = backup.read_bytes()
        taken = {"file": backup, "directory": backup.parent, "dangling link": backup.with_name("link")}[there]
        if there == "dangling link":
            taken.symlink_to("nowhere")

        with pytest.raises(UsageError, match="replaces nothing"):
            back_up(store.database, taken, quietly)

        assert backup.read_bytes() == before
        assert not backup.with_name("nowhere").exists()

    def test_where_there_is_no_vault_nothing_is_written(self, store: SqliteStore, tmp_path: Path) -> None:
        with pytest.raises(StoreUnreachable, match="nothing to back up"):
            back_up(store.database, tmp_path / "one.db", quietly)

        assert list(tmp_path.iterdir()) == []

    def test_a_directory_that_is_not_there_is_named(self, store: SqliteStore, tmp_path: Path) -> None:
        store.save_grant(GRANT)

        with pytest.raises(UsageError, match="nowhere"):
            back_up(store.database, tmp_path / "nowhere" / "one.db", quietly)

    @needs_posix
    def test_a_directory_in_which_anybody_could_swap_it_is_refused(self, store: SqliteStore, tmp_path: Path) -> None:
        store.save_grant(GRANT)
        open_to_all = tmp_path / "open"
        open_to_all.mkdir()
        open_to_all.chmod(0o777)

        with pytest.raises(StoreUnreachable, match="written by everybody"):
            back_up(store.database, open_to_all / "sub" / "one.db", quietly)

    def test_an_interrupt_leaves_nothing(self, store: SqliteStore, tmp_path: Path) -> None:
        store.save_grant(GRANT)
        target = tmp_path / "backups"
        target.mkdir()

        def interrupt(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            back_up(store.database, target / "one.db", interrupt)

        assert list(target.iterdir()) == []

    @needs_posix
    def test_a_kill_leaves_no_half_under_its_name(self, directory: Path, backup: Path) -> None:
        target = backup.with_name("two.db")

        for event in kill_in_each_event("back_up(store.database, Path(sys.argv[2]), progress)", directory, target):
            assert target.exists() == (event == "os.remove")
            if target.exists():
                assert read(target) == read(backup)
                target.unlink()
        with closing(open_store(directory)) as store:
            back_up(store.database, target, quietly)

        assert {path.name for path in target.parent.iterdir()} == {"one.db", "two.db"}


KILLED = """
import os, signal, sys
from pathlib import Path
from handstamp.stores.backups import back_up, read_backup
from handstamp.stores.restoring import restore
from stores.fakes import HeldKey, open_store
def end_in(event):
    store = open_store(Path(sys.argv[1]))
    removals = []
    def kill(seen, arguments):
        if seen != event:
            return
        if event == "os.remove" and not removals:
            removals.append(arguments)  # the draft of an earlier run
            return
        os.kill(os.getpid(), signal.SIGKILL)
    def progress(done, total):
        kill("copying", ())
    store.prepare()
    sys.addaudithook(kill)
    {what}
for event in ("copying", "os.link", "os.remove"):
    child = os.fork()
    if child == 0:
        end_in(event)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL, event
    print(event, flush=True)
    sys.stdin.readline()
"""


def kill_in_each_event(what: str, *arguments: object) -> Iterator[str]:
    """`what` begun thrice and killed in the copying, at the new name and at the end of the draft. Gives each when it is over."""
    killer = start(KILLED.format(what=what), *arguments)
    assert killer.stdin is not None
    for _ in range(3):
        yield read_line(killer)
        killer.stdin.write("on\n")
        killer.stdin.flush()
    finish(killer)


class TestReading:
    """TG6, TG7: a file may come from anybody."""

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (lambda path: path.write_bytes(b"no database at all" * 400), "no vault"),
            (lambda path: path.write_bytes(b""), "no vault"),
            (lambda path: path.write_bytes(path.read_bytes()[:5000]), "damaged"),
            (lambda path: change(path, "PRAGMA application_id = 7"), "no vault"),
            (lambda path: change(path, "CREATE TRIGGER t AFTER INSERT ON grants BEGIN SELECT 1; END"), "'t'"),
            (lambda path: change(path, "CREATE VIEW v AS SELECT 1"), "'v'"),
            (lambda path: change(path, "DELETE FROM header"), "no header"),
            (lambda path: change(path, "UPDATE header SET schema = 99"), "schema 99"),
            (lambda path: path.with_name(path.name + "-wal").write_bytes(b"frames"), "in use"),
            (lambda path: path.unlink(), "no such file"),
        ],
        ids=["text", "empty", "cut short", "another program's", "trigger", "view", "headless", "newer", "log", "gone"],
    )
    def test_a_file_that_is_no_backup_is_refused(self, backup: Path, damage: Callable[[Path], object], said: str) -> None:
        damage(backup)

        with pytest.raises(HandstampError, match=said):
            read(backup)

    @needs_posix
    def test_a_file_that_anybody_could_have_written_is_refused(self, backup: Path) -> None:
        backup.chmod(0o666)

        with pytest.raises(StoreUnreachable, match="written by everybody"):
            read(backup)

    def test_a_backup_whose_key_is_gone_is_named(self, backup: Path) -> None:
        with pytest.raises(KeyUnavailable, match=r"one\.db cannot be opened here"):
            read_backup(backup, [HeldKey(KEY_B)], quietly)

    def test_rows_that_do_not_open_are_counted_and_left_out(self, store: SqliteStore, backup: Path) -> None:
        store.save_grant(grant_for(account="work"))
        two = backup.with_name("two.db")
        back_up(store.database, two, quietly)
        change(two, "UPDATE grants SET sealed = x'00' WHERE account = 'work'", "UPDATE registrations SET issuer = 'moved'")

        held = read(two)

        assert (len(held.grants), len(held.registrations), held.damaged) == (1, 0, 2)

    def test_a_backup_of_an_older_program_is_brought_forward(self, tmp_path: Path) -> None:
        with closing(SqliteStore(tmp_path / "older", [HeldKey()], migrations=MIGRATIONS[:0])) as older:
            older.prepare()
            with older.database.looking() as source:
                assert source is not None
                write_backup(source, tmp_path / "one.db", quietly)

        assert read(tmp_path / "one.db") == Contents((), (), (), 0)


class TestRestoring:
    def test_everything_comes_back_and_what_was_there_is_kept(self, store: SqliteStore, directory: Path, backup: Path) -> None:
        store.save_grant(with_access_token(GRANT, "newer"))
        store.save_grant(grant_for(account="new"))
        store.forget_registration("alice", KEY.issuer)

        kept = put_back(store, backup)

        assert kept is not None
        assert kept == directory / KEPT
        assert [grant.token for grant in store.list_grants("alice")] == [GRANT.token]
        assert store.find_registration("alice", KEY.issuer) == REGISTRATION
        assert store.find_client_secret("alice", KEY.server, "client-1") == Secret(CLIENT_SECRET)
        assert [grant.token.access_token.reveal() for grant in read(kept).grants] == ["newer", GRANT.token.access_token.reveal()]

    def test_a_refresh_token_is_marked_as_one_that_may_have_been_used(self, store: SqliteStore, backup: Path) -> None:
        """TE15."""
        put_back(store, backup)

        found = find(store)
        assert found is not None
        assert found.pending == Pending(NOW, fingerprint(GRANT.token.refresh_token) or "")

    def test_one_that_cannot_be_renewed_is_not_marked(self, store: SqliteStore, backup: Path) -> None:
        store.save_grant(replace(GRANT, token=replace(GRANT.token, refresh_token=None)))
        back_up(store.database, backup.with_name("two.db"), quietly)

        put_back(store, backup.with_name("two.db"))

        found = find(store)
        assert found is not None
        assert found.pending is None

    def test_no_generation_comes_back(self, store: SqliteStore, backup: Path) -> None:
        """Whoever has read the vault before cannot overwrite what was restored, nor what is signed in later."""
        store.save_grant(GRANT)
        before = store.save_grant(GRANT)
        other = store.save_grant(grant_for(account="forgotten"))

        put_back(store, backup)

        restored = find(store)
        assert restored is not None
        assert restored.generation > before.generation
        assert store.replace_grant(before) is None
        assert store.save_grant(replace(other, generation=0)).generation > other.generation

    def test_nor_one_of_the_backup_into_a_new_vault(self, store: SqliteStore, tmp_path: Path) -> None:
        for _ in range(5):
            store.save_grant(GRANT)
        back_up(store.database, tmp_path / "one.db", quietly)

        with closing(open_store(tmp_path / "elsewhere")) as new:
            assert put_back(new, tmp_path / "one.db") is None
            found = find(new)

        assert found is not None
        assert found.generation > 5

    def test_it_is_sealed_with_the_vaults_own_key(self, store: SqliteStore, backup: Path, tmp_path: Path) -> None:
        providers = [HeldKey(KEY_B, name="file"), HeldKey()]
        with closing(SqliteStore(tmp_path / "elsewhere", providers)) as other:
            restore(other, read_backup(backup, providers, quietly), now=NOW, progress=quietly)

        with closing(SqliteStore(tmp_path / "elsewhere", [HeldKey(KEY_B, name="file")])) as again:
            assert find(again) is not None

    def test_programs_that_have_the_vault_open_go_on_with_what_was_restored(
        self, store: SqliteStore, directory: Path, backup: Path
    ) -> None:
        with closing(open_store(directory)) as running:
            running.save_grant(with_access_token(GRANT, "newer"))
            version = running.data_version()

            kept = put_back(store, backup)
            assert kept is not None
            before = kept.read_bytes()

            found = find(running)
            assert running.data_version() != version
            assert found is not None
            assert found.token == GRANT.token
            written = running.replace_grant(with_access_token(found, "written later"))
            assert find(store) == written
            assert kept.read_bytes() == before

    def test_a_refresh_that_is_under_way_is_waited_for_and_is_in_the_copy(self, store: SqliteStore, backup: Path) -> None:
        saved = store.save_grant(GRANT)
        kept: list[Path | None] = []
        restoring = Thread(target=lambda: kept.append(put_back(store, backup)))

        with store.lock(KEY):
            restoring.start()
            restoring.join(0.2)
            assert restoring.is_alive()
            assert store.replace_grant(with_access_token(saved, "just came")) is not None
        restoring.join()

        assert kept[0] is not None
        assert [grant.token.access_token.reveal() for grant in read(kept[0]).grants] == ["just came"]

    def test_a_vault_that_is_no_database_any_more_is_moved_aside_as_it_is(
        self, store: SqliteStore, directory: Path, backup: Path
    ) -> None:
        running = open_store(directory)
        find(running)
        store.close()
        broken = b"broken" * 1000
        (directory / "vault.db").write_bytes(broken)

        with closing(open_store(directory)) as mending:
            kept = put_back(mending, backup)

            assert kept is not None
            assert kept.read_bytes() == broken
            assert find(running) == find(mending)
            written = running.save_grant(GRANT)
            assert find(mending) == written
        running.close()
        assert kept.read_bytes() == broken

    def test_a_vault_with_unreadable_rows_is_moved_aside_too(self, store: SqliteStore, directory: Path, backup: Path) -> None:
        for number in range(20):
            store.save_grant(grant_for(account=str(number)))
        store.close()
        vault = directory / "vault.db"
        content = bytearray(vault.read_bytes())
        content[5 * 4096 :] = bytes(len(content) - 5 * 4096)
        vault.write_bytes(content)

        kept = put_back(store, backup)

        assert kept is not None
        assert [grant.token for grant in store.list_grants("alice")] == [GRANT.token]

    def test_two_in_one_second_keep_two_copies(self, store: SqliteStore, directory: Path, backup: Path) -> None:
        put_back(store, backup)

        kept = put_back(store, backup)

        assert kept == directory / f"{KEPT}-2"
        assert (directory / KEPT).exists()

    def test_a_log_that_cannot_be_emptied_is_no_failure(
        self, store: SqliteStore, backup: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was there is kept; it was once taken for damage, and the copy was deleted."""
        store.save_grant(with_access_token(GRANT, "newer"))

        def fail() -> bool:
            raise VaultCorrupt("damaged")

        monkeypatch.setattr(store.database, "erase_log", fail)

        kept = put_back(store, backup)

        assert kept is not None
        assert [grant.token.access_token.reveal() for grant in read(kept).grants] == ["newer"]

    def test_a_failure_leaves_the_vault_as_it_was(self, store: SqliteStore, backup: Path) -> None:
        saved = store.save_grant(with_access_token(GRANT, "newer"))

        def fail(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            restore(store, read(backup), now=NOW, progress=fail)

        assert find(store) == saved

    @needs_posix
    def test_a_kill_leaves_the_one_or_the_other(self, store: SqliteStore, directory: Path, backup: Path) -> None:
        saved = store.save_grant(with_access_token(GRANT, "newer"))
        what = "restore(store, read_backup(Path(sys.argv[2]), [HeldKey()], lambda *_: None), now=1.8e9, progress=progress)"

        for _ in kill_in_each_event(what, directory, backup):
            assert find(store) == saved
            for kept in directory.glob("vault.db.2*"):
                assert read(kept).grants == (saved,)
                kept.unlink()
        put_back(store, backup)

        assert [path.name for path in directory.glob("*vault.db.*")] == [KEPT]


def test_a_vault_that_is_moved_away_under_a_program_is_not_written_to_any_more(store: SqliteStore, directory: Path) -> None:
    """As the hint for a damaged one says; its log is folded in first."""
    store.save_grant(GRANT)
    assert store.database.erase_log()
    vault, moved = directory / "vault.db", directory / "vault.db.broken"
    vault.rename(moved)
    before = moved.read_bytes()

    assert find(store) is None
    saved = store.save_grant(with_access_token(GRANT, "new"))

    with closing(open_store(directory)) as other:
        assert find(other) == saved
    assert moved.read_bytes() == before


def test_closing_what_was_moved_away_leaves_the_log_of_what_took_its_place(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    assert store.database.erase_log()
    (directory / "vault.db").rename(directory / "vault.db.broken")
    with closing(open_store(directory)) as other:
        saved = other.save_grant(GRANT)

        store.close()

        assert (directory / "vault.db-wal").stat().st_size
        assert find(other) == saved


def test_a_log_without_its_vault_is_told_and_nothing_restored(store: SqliteStore, directory: Path, backup: Path) -> None:
    """A log without its vault: where one is made anew, SQLite would replay it."""
    store.close()
    (directory / "vault.db").unlink()
    (directory / "vault.db-wal").write_bytes(b"frames")
    (directory / "vault.db-wal").chmod(0o600)

    with pytest.raises(VaultCorrupt, match=r"vault\.db-wal"):
        put_back(store, backup)
