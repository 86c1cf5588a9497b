"""What `handstamp vault check` finds, and that it changes nothing."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from handstamp.model import Secret
from handstamp.stores.checking import Finding, State, check_vault
from handstamp.stores.migrations import MIGRATIONS
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import KEY_B, HeldKey, SilentKey, open_store
from stores.samples import GRANT, KEY, REGISTRATION, grant_for

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")


def look(directory: Path, key: HeldKey | SilentKey | None = None) -> list[Finding]:
    return list(check_vault(directory, [key or HeldKey()], lambda done, total: None))


def wrong(directory: Path, key: HeldKey | SilentKey | None = None) -> list[Finding]:
    return [finding for finding in look(directory, key) if finding.state is State.WRONG]


def change(directory: Path, *statements: str) -> None:
    with closing(sqlite3.connect(directory / "vault.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def snapshot(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def full(store: SqliteStore, directory: Path) -> Path:
    """A vault with something of everything, closed."""
    store.save_grant(GRANT)
    store.save_grant(grant_for(account="work"))
    store.save_registration("alice", REGISTRATION)
    store.save_client_secret("alice", KEY.server, "client-1", Secret("x"))
    store.close()
    return directory


def test_a_vault_in_order_has_a_finding_for_each_look(full: Path) -> None:
    found = look(full)

    assert [(finding.subject, finding.text) for finding in found] == [
        ("files", "yours alone"),
        ("vault.db", "intact, schema 1"),
        ("key", "in the test's environment"),
        ("rows", "2 sign-ins, 1 registration, 1 client secret open"),
    ]
    assert {finding.state for finding in found} == {State.FINE}


def test_looking_changes_nothing(full: Path) -> None:
    before = snapshot(full)

    look(full)

    assert snapshot(full) == before


def test_a_vault_that_is_in_use_can_be_looked_at(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)

    with store.lock(KEY), store.writing():
        assert wrong(directory) == []


@pytest.mark.parametrize("made", ["nothing", "directory"])
def test_where_there_is_no_vault_nothing_is_wrong_or_made(tmp_path: Path, made: str) -> None:
    directory = tmp_path / "state"
    if made == "directory":
        directory.mkdir(mode=0o700)

    found = look(directory)

    assert [finding.state for finding in found if finding.subject == "vault.db"] == [State.NOTABLE]
    assert directory.exists() == (made == "directory")
    assert made == "nothing" or list(directory.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "subject"),
    [
        ("UPDATE grants SET sealed = x'00' WHERE account = 'work'", KEY.server),
        ("UPDATE grants SET server = 'https://evil.example' WHERE account = 'work'", "https://evil.example"),
        ("UPDATE grants SET server = x'00' WHERE account = 'work'", "b'\\x00'"),
        ("UPDATE registrations SET owner = 'mallory'", KEY.issuer),
        ("UPDATE client_secrets SET sealed = 7", KEY.server),
    ],
)
def test_every_row_that_does_not_open_is_named_and_the_others_counted(full: Path, statement: str, subject: str) -> None:
    change(full, statement)

    found = look(full)

    (fault,) = (finding for finding in found if finding.state is State.WRONG)
    assert fault.subject == subject
    assert found[-1].subject == "rows"


@needs_posix
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda directory: (directory / "vault.db").chmod(0o644), "mode 644"),
        (lambda directory: directory.chmod(0o777), "mode 777"),
        (lambda directory: (directory / "locks").chmod(0o777), "mode 777"),
        (lambda directory: (directory / "vault.key").symlink_to("elsewhere"), "symbolic link"),
        (lambda directory: (directory / "second").hardlink_to(directory / "vault.db"), "2 names"),
        (lambda directory: (directory / "locks" / "vault.lock").chmod(0o666), "mode 666"),
    ],
)
def test_files_that_are_not_yours_alone_are_named_and_nothing_below_is_opened(
    full: Path, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(full)

    found = look(full)

    assert any(said in finding.text for finding in found if finding.state is State.WRONG)
    assert "rows" not in {finding.subject for finding in found}


def test_a_key_that_is_another_one_or_silent_is_named(full: Path) -> None:
    (another,) = wrong(full, HeldKey(KEY_B))
    (silent,) = wrong(full, SilentKey())

    assert (another.subject, silent.subject) == ("key", "key")
    assert "another key" in another.text
    assert "not set up" in silent.text


def test_a_file_that_is_no_database_is_named_with_what_moves_it_aside(full: Path) -> None:
    (full / "vault.db").write_bytes(b"broken" * 1000)

    (fault,) = wrong(full)

    assert fault.hint == f"mv {full}/vault.db {full}/vault.db.broken"


def test_pages_that_are_damaged_are_named(full: Path) -> None:
    vault = full / "vault.db"
    content = bytearray(vault.read_bytes())
    content[-4096:] = b"\xff" * 4096
    vault.write_bytes(content)

    assert "vault.db" in {fault.subject for fault in wrong(full)}


def test_a_schema_that_is_not_ours_is_named(full: Path) -> None:
    change(full, "CREATE VIEW v AS SELECT 1")

    assert [fault.subject for fault in wrong(full)] == ["vault.db"]


def test_a_vault_of_an_older_program_is_not_brought_forward_by_a_look(full: Path) -> None:
    def add_colour(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE grants ADD COLUMN colour TEXT")

    before = snapshot(full)

    found = list(check_vault(full, [HeldKey()], lambda done, total: None, migrations=[*MIGRATIONS, add_colour]))

    assert "schema 1; the next use brings it to 2" in found[1].text
    assert snapshot(full) == before


def test_what_was_left_over_is_told_with_what_removes_it(full: Path) -> None:
    for name in ("vault.db.new", "vault.db.20270115T080000Z", ".vault.db.20270115T080000Z.handstamp"):
        (full / name).touch(0o600)

    left = {finding.subject: finding for finding in look(full) if finding.state is State.NOTABLE}

    assert "killed" in left["vault.db.new"].text
    assert "tokens" in left["vault.db.20270115T080000Z"].text
    assert "killed" in left[".vault.db.20270115T080000Z.handstamp"].text
    assert left["vault.db.new"].hint == f"rm {full}/vault.db.new"


def test_progress_is_told_row_by_row(full: Path) -> None:
    told: list[tuple[int, int]] = []

    list(check_vault(full, [HeldKey()], lambda done, total: told.append((done, total))))

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_store_that_is_open_finds_all_as_it_was(store: SqliteStore, directory: Path) -> None:
    saved = store.save_grant(GRANT)
    look(directory)

    with closing(open_store(directory)) as other:
        assert other.list_grants("alice") == [saved]
