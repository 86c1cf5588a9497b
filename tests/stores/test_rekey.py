"""Another key for a vault: where it goes, what becomes of the old one, and what a crash leaves."""

import base64
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from traceback import walk_tb

import pytest
from keyring.errors import KeyringLocked

from handstamp.errors import KeyUnavailable, LoginCancelled, StoreUnreachable, VaultCorrupt, VaultLocked
from handstamp.model import Secret
from handstamp.stores.keys import StandardProviders
from handstamp.stores.keys.file import FileKey
from handstamp.stores.locks import KernelLock
from handstamp.stores.pinning import PinnedKey, PinnedKeys
from handstamp.stores.rekeying import NOTE, SEALED
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import KEY_A, KEY_B, HeldKey
from stores.keyrings import CHOSEN, FailingKeychain, UndeletableKeychain, WorkingKeychain
from stores.samples import GRANT, KEY, REGISTRATION, grant_for

TEXT_A, TEXT_B = (base64.b64encode(key).decode() for key in (KEY_A, KEY_B))
SECRET = Secret("a-typed-client-secret")


class Machine:
    """A state directory, an environment and a keychain, and the vault that programs open there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environ: dict[str, str] = {}
        self.keychain = WorkingKeychain()
        CHOSEN.backend = self.keychain

    def open(self) -> SqliteStore:
        """As another program does."""
        return SqliteStore(self.directory, StandardProviders(self.directory, self.environ))

    def fill(self) -> None:
        with closing(self.open()) as store:
            store.save_grant(GRANT)
            store.save_registration(KEY.owner, REGISTRATION)
            store.save_client_secret(KEY.owner, KEY.server, "client-1", SECRET)

    def require_all(self) -> None:
        """What was filled in is there, for a program that starts now."""
        with closing(self.open()) as store:
            require_all(store)

    @property
    def pin(self) -> str:
        with closing(sqlite3.connect(self.directory / "vault.db")) as connection:
            ((pin,),) = connection.execute("SELECT key_provider FROM header").fetchall()
        return str(pin)

    @property
    def key_files(self) -> list[str]:
        return sorted(path.name for path in self.directory.glob("vault*.key*"))


def require_all(store: SqliteStore) -> None:
    found = store.find_grant(KEY.owner, KEY.server, KEY.account)
    assert found is not None
    assert found.token == GRANT.token
    assert [grant.key for grant in store.list_grants(KEY.owner)] == [KEY]
    assert store.find_registration(KEY.owner, KEY.issuer) == REGISTRATION
    assert store.find_client_secret(KEY.owner, KEY.server, "client-1") == SECRET


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "stores.keyrings.CHOSEN")
    return Machine(tmp_path / "state")


@pytest.fixture
def with_file(machine: Machine) -> Machine:
    """Its vault's key is in the file."""
    with closing(SqliteStore(machine.directory, [FileKey(machine.directory)])) as store:
        store.prepare()
    machine.fill()
    return machine


@pytest.fixture
def with_keychain(machine: Machine) -> Machine:
    """Its vault's key is in the keychain."""
    machine.fill()
    return machine


@pytest.fixture
def store(with_file: Machine) -> Iterator[SqliteStore]:
    with closing(with_file.open()) as opened:
        yield opened


class TestPlaces:
    def test_a_new_file_takes_the_place_of_the_old_one(self, with_file: Machine, store: SqliteStore) -> None:
        assert with_file.key_files == ["vault.key"]

        done = store.rekey()

        (name,) = with_file.key_files
        assert re.fullmatch(r"vault\.[0-9a-f]{16}\.key", name)
        assert with_file.pin == f"file:{name.split('.')[1]}"
        assert (done.former, done.provider, done.values, done.left) == ("file", "file", 3, ())
        assert name in done.key
        with_file.require_all()

    def test_a_second_one_takes_the_place_of_that(self, with_file: Machine, store: SqliteStore) -> None:
        store.rekey()
        (first,) = with_file.key_files

        store.rekey()

        (second,) = with_file.key_files
        assert first != second
        with_file.require_all()

    def test_an_item_of_the_keychain_is_never_rewritten(self, with_keychain: Machine) -> None:
        ((old, old_key),) = with_keychain.keychain.items.items()

        with closing(with_keychain.open()) as store:
            store.rekey()

        ((new, new_key),) = with_keychain.keychain.items.items()
        assert old != new
        assert old_key != new_key
        assert with_keychain.keychain.writes == 2
        with_keychain.require_all()

    def test_from_a_file_into_the_keychain_and_back(self, with_file: Machine, store: SqliteStore) -> None:
        store.rekey("keychain")
        assert with_file.key_files == []
        assert len(with_file.keychain.items) == 1
        with_file.require_all()

        store.rekey("file")
        assert with_file.keychain.items == {}
        assert len(with_file.key_files) == 1
        with_file.require_all()

    def test_into_the_environment_with_the_key_that_a_person_set(self, with_file: Machine, store: SqliteStore) -> None:
        with_file.environ["HANDSTAMP_KEY"] = TEXT_A

        store.rekey("environment")

        assert with_file.key_files == []
        with_file.require_all()
        with_file.environ["HANDSTAMP_KEY"] = TEXT_B
        with pytest.raises(KeyUnavailable, match="another key"):
            with_file.require_all()

    def test_from_one_key_of_the_environment_to_the_next_while_programs_have_both(self, machine: Machine) -> None:
        machine.environ["HANDSTAMP_KEY"] = TEXT_A
        machine.fill()
        machine.environ["HANDSTAMP_NEW_KEY"] = TEXT_B
        with closing(machine.open()) as running:
            require_all(running)

            with closing(machine.open()) as store:
                store.rekey()

            require_all(running)
        machine.require_all()
        machine.environ = {"HANDSTAMP_KEY": TEXT_B}
        machine.require_all()

    @pytest.mark.parametrize(("environ", "told"), [({}, "expected 32 new bytes"), ({"HANDSTAMP_KEY": TEXT_A}, "a new key")])
    def test_the_environment_needs_a_new_key_from_the_person(self, environ: dict[str, str], told: str, machine: Machine) -> None:
        machine.environ["HANDSTAMP_KEY"] = TEXT_A
        machine.fill()
        with closing(machine.open()) as store:
            store.find_grant(KEY.owner, KEY.server, KEY.account)
            machine.environ.clear()
            machine.environ.update(environ)

            with pytest.raises(KeyUnavailable, match=told) as caught:
                store.rekey()

        assert caught.value.hint == "openssl rand -base64 32"
        machine.environ["HANDSTAMP_KEY"] = TEXT_A
        assert machine.pin == "environment"
        machine.require_all()

    def test_from_one_credential_of_systemd_to_the_next(self, machine: Machine, tmp_path: Path) -> None:
        machine.environ["CREDENTIALS_DIRECTORY"] = str(tmp_path)
        (tmp_path / "handstamp.key").write_text(TEXT_A)
        machine.fill()
        with closing(machine.open()) as store:
            with pytest.raises(KeyUnavailable, match="a new key"):
                store.rekey()
            (tmp_path / "handstamp.new-key").write_text(TEXT_B)

            assert store.rekey().provider == "systemd"

        machine.require_all()
        (tmp_path / "handstamp.new-key").rename(tmp_path / "handstamp.key")
        machine.require_all()

    @pytest.mark.parametrize("pin", ["file:../../x", "file:0123", "file:0123456789ABCDEF", "keychain:x y", "environment:1"])
    def test_a_place_that_a_header_makes_up_is_refused(self, pin: str, with_file: Machine) -> None:
        """It would become part of a file's name."""
        with closing(sqlite3.connect(with_file.directory / "vault.db")) as connection:
            connection.execute("UPDATE header SET key_provider = ?", (pin,))
            connection.commit()

        with pytest.raises(KeyUnavailable, match="names no place"):
            with_file.require_all()

    def test_a_header_does_not_choose_among_the_places_of_a_provider(self, with_file: Machine, store: SqliteStore) -> None:
        """TG20: not even where the same key stands there."""
        store.rekey()
        (name,) = with_file.key_files
        other = with_file.directory / "vault.0123456789abcdef.key"
        (with_file.directory / name).rename(other)
        with closing(sqlite3.connect(with_file.directory / "vault.db")) as connection:
            connection.execute("UPDATE header SET key_provider = 'file:0123456789abcdef'")
            connection.commit()

        with pytest.raises(KeyUnavailable, match="another key"):
            with_file.require_all()


class TestValues:
    def test_every_table_with_sealed_values_is_sealed_anew(self, with_file: Machine) -> None:
        with closing(sqlite3.connect(with_file.directory / "vault.db")) as connection:
            columns = connection.execute(
                "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
            ).fetchall()

        assert {table for table, column in columns if column == "sealed"} == set(SEALED)

    def test_no_file_holds_a_value_under_the_old_key(self, with_file: Machine, store: SqliteStore) -> None:
        tables = " UNION ".join(f"SELECT sealed FROM {table}" for table in SEALED)
        with closing(sqlite3.connect(with_file.directory / "vault.db")) as connection:
            before = [sealed for (sealed,) in connection.execute(tables).fetchall()]
        assert len(before) == 3

        assert store.rekey().is_erased

        left = b"".join(path.read_bytes() for path in with_file.directory.rglob("*") if path.is_file())
        assert not [sealed for sealed in before if sealed[:40] in left or sealed[-40:] in left]

    def test_many_are_done_by_and_by_and_it_is_told_how_far(self, with_file: Machine, store: SqliteStore) -> None:
        with store.writing() as (connection, rows):
            for number in range(1000):
                rows.write_grant(connection, grant_for(account=str(number)), 1)
        heard: list[tuple[int, int]] = []

        done = store.rekey(report=lambda ready, total: heard.append((ready, total)))

        assert heard == [(1000, 1003), (1001, 1003), (1002, 1003), (1003, 1003)]
        assert done.values == 1003
        assert len(store.list_grants(KEY.owner)) == 1001

    @pytest.mark.parametrize(
        ("table", "remedy"), [("grants", f"handstamp logout {KEY.server}"), ("registrations", "mv "), ("client_secrets", "mv ")]
    )
    def test_a_damaged_value_keeps_the_key_with_which_it_may_yet_be_read(
        self, table: str, remedy: str, with_file: Machine, store: SqliteStore
    ) -> None:
        with closing(sqlite3.connect(with_file.directory / "vault.db")) as connection:
            connection.execute(f"UPDATE {table} SET sealed = x'01'")
            connection.commit()

        with pytest.raises(VaultCorrupt, match="keeps its key") as caught:
            store.rekey("keychain")

        assert caught.value.hint is not None
        assert caught.value.hint.startswith(remedy)
        assert with_file.pin == "file"
        assert with_file.key_files == ["vault.key"]
        assert with_file.keychain.items == {}
        assert not (with_file.directory / NOTE).exists()


class TestOthers:
    def test_a_program_that_has_the_vault_open_reads_and_writes_on(self, with_file: Machine, store: SqliteStore) -> None:
        with closing(with_file.open()) as running:
            for target in ("file", "keychain", "file"):
                require_all(running)

                store.rekey(target)

                require_all(running)
            found = running.find_grant(KEY.owner, KEY.server, KEY.account)
            store.rekey()
            assert found is not None
            assert running.replace_grant(found) is not None
            store.rekey()
            running.save_client_secret(KEY.owner, KEY.server, "client-1", SECRET)
            store.rekey()
            running.save_registration(KEY.owner, REGISTRATION)
        with_file.require_all()

    def test_one_that_starts_while_the_old_key_is_taken_away_finds_the_new_one(
        self, with_file: Machine, store: SqliteStore
    ) -> None:
        class OvertakenKey(FileKey):
            """Is asked a moment too late."""

            def load(self) -> bytes | None:
                if not self.place:
                    store.rekey()
                return super().load()

        with closing(SqliteStore(with_file.directory, [OvertakenKey(with_file.directory)])) as late:
            require_all(late)

    def test_what_was_read_before_is_opened_with_the_key_of_then(self) -> None:
        old, new = (HeldKey(key, name=name) for key, name in ((KEY_A, "one"), (KEY_B, "two")))
        keys = PinnedKeys([old, new])
        rows = [(f"row of {each.name}", each.name, check_of(each)) for each in (old, new)]

        for row in (*rows, *rows):
            _, pinned = keys.unlock([row].copy)
            assert pinned is not None
            assert pinned.pin == row[1]

        assert (old.loads, new.loads) == (1, 1)

    def test_threads_that_come_first_ask_once(self) -> None:
        provider = PonderingKey()
        keys = PinnedKeys([provider])
        rows = [(provider.name, check_of(provider))]
        second = provider.second = Thread(target=keys.unlock, args=(rows.copy,))

        keys.unlock(rows.copy)

        second.join()
        assert provider.loads == 1

    def test_two_rekeys_at_once_are_one_too_many(self, with_file: Machine, store: SqliteStore) -> None:
        with KernelLock(with_file.directory / "locks" / "vault.lock"), pytest.raises(VaultLocked, match="Another program"):
            store.rekey()

        assert with_file.key_files == ["vault.key"]


class TestRefusals:
    def test_where_there_is_no_vault_none_is_made(self, machine: Machine) -> None:
        with closing(machine.open()) as store, pytest.raises(StoreUnreachable, match="no vault"):
            store.rekey()

        assert not machine.directory.exists()

    def test_whoever_may_say_no_is_asked_before_anything_is_made(self, with_keychain: Machine) -> None:
        asked: list[tuple[str, str]] = []

        def refuse(former: str, latter: str) -> None:
            asked.append((former, latter))
            raise LoginCancelled("no")

        with closing(with_keychain.open()) as store, pytest.raises(LoginCancelled):
            store.rekey("file", allow=refuse)

        assert asked == [("keychain", "file")]
        assert with_keychain.key_files == []

    def test_a_keychain_that_does_not_open_leaves_the_vault_as_it_is(self, with_file: Machine, store: SqliteStore) -> None:
        CHOSEN.backend = FailingKeychain(KeyringLocked("locked"))

        with pytest.raises(KeyUnavailable, match="is locked"):
            store.rekey("keychain")

        assert not (with_file.directory / NOTE).exists()
        assert with_file.pin == "file"
        assert with_file.key_files == ["vault.key"]
        with_file.require_all()

    def test_an_error_on_the_way_carries_no_key(self, machine: Machine) -> None:
        """TH6."""
        machine.environ["HANDSTAMP_KEY"] = TEXT_A
        machine.fill()

        with closing(machine.open()) as store, pytest.raises(KeyUnavailable, match="a new key") as caught:
            store.rekey()

        frames = [frame for frame, _ in walk_tb(caught.value.__traceback__) if "stores" in frame.f_code.co_filename]
        assert not [frame for frame in frames if KEY_A in frame.f_locals.values()]

    def test_what_fails_after_the_step_is_told_and_no_failure(
        self, with_file: Machine, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> bool:
            raise StoreUnreachable("the disk is full")

        monkeypatch.setattr(store.database, "erase_log", fail)

        assert not store.rekey().is_erased
        with_file.require_all()

    def test_a_provider_that_is_none_is_refused(self, with_file: Machine, store: SqliteStore) -> None:
        with pytest.raises(KeyUnavailable, match="not set up in this program"):
            store.rekey("pocket")

        with_file.require_all()


class TestLeavings:
    def test_an_old_key_that_cannot_be_deleted_is_told_and_goes_with_the_next_rekey(self, with_keychain: Machine) -> None:
        keychain = UndeletableKeychain()
        keychain.items = with_keychain.keychain.items
        CHOSEN.backend = keychain

        with closing(with_keychain.open()) as store:
            (reason,) = store.rekey("file").left
            assert "is locked" in reason
            assert len(keychain.items) == 1
            with_keychain.require_all()

            keychain.is_open = True
            assert store.rekey().left == ()

        assert keychain.items == {}
        assert not (with_keychain.directory / NOTE).exists()
        with_keychain.require_all()

    @pytest.mark.parametrize("line", ["file:../../precious", "nobody", "", "file:\u2028", "keychain:x"])
    def test_a_note_that_somebody_else_wrote_deletes_nothing_of_theirs(
        self, line: str, with_file: Machine, store: SqliteStore
    ) -> None:
        precious = with_file.directory.parent / "precious"
        precious.touch()
        note = with_file.directory / NOTE
        note.touch(0o600)
        note.write_text(line + "\n", "utf-8")

        store.rekey()

        assert precious.exists()
        with_file.require_all()

    def test_a_note_never_names_the_place_of_the_key_in_use_to_the_broom(self, with_file: Machine, store: SqliteStore) -> None:
        note = with_file.directory / NOTE
        note.touch(0o600)
        note.write_text("file\n")

        with pytest.raises(LoginCancelled):
            store.rekey(allow=raise_no)

        with_file.require_all()

    def test_what_a_crash_left_goes_even_if_nothing_comes_after_it(self, with_file: Machine, store: SqliteStore) -> None:
        orphan = FileKey(with_file.directory).renew()
        orphan.create()
        note = with_file.directory / NOTE
        note.touch(0o600)
        note.write_text(f"file\nfile:{orphan.place}\n")

        with pytest.raises(LoginCancelled):
            store.rekey(allow=raise_no)

        assert with_file.key_files == ["vault.key"]
        assert not note.exists()

    def test_it_holds_no_secret(self, with_file: Machine, store: SqliteStore) -> None:
        seen: list[str] = []

        store.rekey(report=lambda done, total: seen.append((with_file.directory / NOTE).read_text()))

        assert re.fullmatch(r"file\nfile:[0-9a-f]{16}\n", seen[0])


class PonderingKey(HeldKey):
    """Gives another thread time to come and ask, too."""

    second: Thread

    def load(self) -> bytes | None:
        key = super().load()
        if self.loads == 1:
            self.second.start()
            self.second.join(0.1)
        return key


def raise_no(former: str, latter: str) -> None:
    raise LoginCancelled("no")


def check_of(provider: HeldKey) -> bytes:
    assert provider.key is not None
    return PinnedKey(provider.name, "", provider.key).make_check()
