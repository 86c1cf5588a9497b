"""`handstamp vault`: the file looked after."""

import sqlite3
from contextlib import closing

import pytest

from cli.commandline import CommandLine
from handstamp.output import Output
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import HeldKey
from stores.samples import SECRETS, grant_for

LINEAR = "https://mcp.linear.app/mcp"
NOTION = "https://mcp.notion.com/mcp"
KEY_PLACE = "the environment variable HANDSTAMP_KEY"


def open_vault(cli: CommandLine) -> SqliteStore:
    return SqliteStore(cli.state, [HeldKey(b"k" * 32)])


@pytest.fixture
def filled(cli: CommandLine) -> CommandLine:
    """Signed in to two servers."""
    with closing(open_vault(cli)) as store:
        for server in (LINEAR, NOTION):
            store.save_grant(grant_for(owner="local", server=server, at=1_700_000_000.0))
    return cli


def test_path_prints_where_the_vault_is_and_makes_none(cli: CommandLine) -> None:
    result = cli.here("vault", "path")

    assert (result.code, result.stdout, result.stderr) == (0, f"{cli.state}/vault.db\n", "")
    assert cli.here("vault", "path", "--json").json == {"version": 1, "path": f"{cli.state}/vault.db", "exists": False}
    assert not cli.state.exists()


def test_a_vault_in_order_is_checked_line_by_line(filled: CommandLine) -> None:
    result = filled.here("vault", "check")

    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "✓   files      yours alone",
        "✓   vault.db   intact, schema 1",
        "✓   key        in the environment variable HANDSTAMP_KEY",
        "✓   rows       2 sign-ins, 0 registrations, 0 client secrets open",
    ]


def test_a_damaged_row_is_named_and_the_exit_code_is_5(filled: CommandLine) -> None:
    with closing(sqlite3.connect(filled.state / "vault.db")) as connection:
        connection.execute("UPDATE grants SET sealed = x'00' WHERE server = ?", (LINEAR,))
        connection.commit()

    plain, as_json = filled.here("vault", "check"), filled.here("vault", "check", "--json")

    assert (plain.code, as_json.code) == (5, 5)
    assert f"✗   {LINEAR}" in plain.stdout
    assert plain.stderr.splitlines()[1] == f"hint: handstamp logout {LINEAR}"
    assert as_json.json["intact"] is False
    assert [each["subject"] for each in as_json.json["findings"] if each["state"] == "wrong"] == [LINEAR]
    assert as_json.error["code"] == "vault_corrupt"


def test_a_backup_names_the_place_of_a_key_that_has_been_replaced(filled: CommandLine) -> None:
    assert filled.here("vault", "rekey", "--to", "file", "--yes").code == 0
    (key,) = filled.state.glob("vault.*.key")

    plain, as_json = filled.here("vault", "backup", "one.db"), filled.here("vault", "backup", "two.db", "--json")

    assert f"The key stays in {key.name}, a file that only you can read" in plain.stderr
    assert as_json.json["key_provider"] == "file"


def test_a_backup_is_written_and_put_back(filled: CommandLine) -> None:
    file = filled.home / "one.db"

    written = filled.here("vault", "backup", "one.db")
    with closing(open_vault(filled)) as store:
        store.forget_grant(grant_for(owner="local", server=LINEAR).key)
    restored = filled.here("vault", "restore", "--yes", str(file))

    assert (written.code, written.stdout) == (0, "")
    assert written.stderr.splitlines() == [
        "✓ Wrote one.db: 2 sign-ins, sealed",
        f"  Its key is not in it, and nobody opens it without, nor do you. The key stays in {KEY_PLACE}.",
    ]
    (kept,) = filled.state.glob("vault.db.2*")
    assert (restored.code, restored.stdout) == (0, "")
    assert restored.stderr.splitlines() == [
        f"✓ Restored 2 sign-ins from {file}",
        f"  What was there is kept as {kept}: its tokens too, until you delete it.",
    ]
    with closing(open_vault(filled)) as store:
        assert [grant.key.server for grant in store.list_grants("local")] == [LINEAR, NOTION]
    assert not [secret for secret in SECRETS if secret in written.stderr + restored.stderr]


def test_the_same_as_json(filled: CommandLine) -> None:
    file = filled.home / "one.db"

    written = filled.here("vault", "backup", str(file), "--json")
    restored = filled.here("vault", "restore", "--yes", str(file), "--json")

    (kept,) = filled.state.glob("vault.db.2*")
    assert written.json == {
        "version": 1,
        "path": str(file),
        "sign_ins": 2,
        "key_provider": "environment",
        "key_included": False,
    }
    assert restored.json == {
        "version": 1,
        "path": f"{filled.state}/vault.db",
        "sign_ins": 2,
        "damaged": 0,
        "kept_as": str(kept),
    }
    assert (written.stderr, restored.stderr) == ("", "")


def test_a_person_is_told_what_a_backup_holds_and_asked(filled: CommandLine) -> None:
    filled.here("vault", "backup", "one.db")

    with filled.terminal("vault", "restore", "one.db") as terminal:
        screen = terminal.until("Restore it?")
        terminal.press("\n")
        declined = terminal.end()
    with filled.terminal("vault", "restore", "one.db") as terminal:
        terminal.until("Restore it?")
        terminal.press("y\n")
        agreed = terminal.end()

    assert "one.db holds 2 sign-ins at mcp.linear.app, mcp.notion.com." in screen
    assert "The last of them is of 2023-11-14T22:13:20Z." in screen
    assert declined.code == 0
    assert "Nothing was changed." in declined.stderr
    assert agreed.code == 0
    assert "✓ Restored 2 sign-ins" in agreed.stderr
    assert len(list(filled.state.glob("vault.db.2*"))) == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_where_nobody_can_be_asked_a_yes_is_expected(filled: CommandLine, options: list[str]) -> None:
    filled.here("vault", "backup", "one.db")
    before = (filled.state / "vault.db").read_bytes()

    result = filled.here("vault", "restore", "one.db", *options)

    assert result.code == 2
    assert f"handstamp vault restore --yes {filled.home}/one.db" in result.stderr
    assert (filled.state / "vault.db").read_bytes() == before


def test_a_name_that_is_taken_is_an_error_of_usage(filled: CommandLine) -> None:
    filled.here("vault", "backup", "one.db")

    result = filled.here("vault", "backup", "one.db")

    assert result.code == 2
    assert result.stderr.splitlines()[1] == "hint: handstamp vault backup --help"


def test_a_backup_says_where_a_key_that_has_moved_is_kept(filled: CommandLine) -> None:
    filled("vault", "rekey", "--to", "file", "--yes")

    told = filled("vault", "backup", "one.db")
    as_json = filled("vault", "backup", "two.db", "--json")

    (file,) = filled.state.glob("vault.*.key")
    assert f"The key stays in {file.name}, a file that only you can read" in told.stderr
    assert as_json.json["key_provider"] == "file"


def test_where_the_key_is_missing_no_restore_is_advised(filled: CommandLine) -> None:
    result = filled("vault", "check", environment={"HANDSTAMP_KEY": ""})

    assert result.code == 5
    assert result.stderr.splitlines()[1] == "hint: handstamp vault --help"


def test_an_error_of_the_vault_leads_to_its_check(filled: CommandLine) -> None:
    result = filled.here("token", LINEAR, environment={"HANDSTAMP_KEY": ""})

    assert result.code == 5
    assert result.stderr.splitlines()[1] == "hint: handstamp vault check"


class TestProgress:
    """What is said of long work; the clock is the test's."""

    @pytest.fixture
    def moments(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        times = [0.0]
        monkeypatch.setattr("handstamp.output.monotonic", lambda: times[-1])
        return times

    def test_a_pipe_gets_a_line_every_few_seconds(self, moments: list[float], capsys: pytest.CaptureFixture[str]) -> None:
        with Output().progress("Checking") as tell:
            for second in range(12):
                moments.append(float(second))
                tell(second, 12)

        assert capsys.readouterr() == ("", "Checking… 41 %\nChecking… 83 %\n")

    def test_short_work_and_json_get_none(self, moments: list[float], capsys: pytest.CaptureFixture[str]) -> None:
        output = Output()
        with output.progress("Checking") as tell:
            tell(1, 1)
        output.json = True
        with output.progress("Checking") as tell:
            moments.append(60.0)
            tell(1, 2)

        assert capsys.readouterr() == ("", "")
