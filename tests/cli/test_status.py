"""`handstamp status` where a stored sign-in is damaged."""

import sqlite3
from contextlib import closing

import pytest

from cli.commandline import CommandLine
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import HeldKey
from stores.samples import SECRETS, grant_for

HEALTHY = "https://healthy.example/mcp"
BROKEN = "https://broken.example/mcp"


@pytest.fixture
def damaged(cli: CommandLine) -> CommandLine:
    """Signed in to `healthy` and twice to `broken`, whose two rows are damaged."""
    cli("add", "broken", BROKEN)
    cli("add", "healthy", HEALTHY)
    with closing(SqliteStore(cli.state, [HeldKey(b"k" * 32)])) as store:
        for server, account in [(HEALTHY, "default"), (BROKEN, "default"), (BROKEN, "at work")]:
            store.save_grant(grant_for(owner="local", server=server, account=account, at=1000.0))
    with closing(sqlite3.connect(cli.state / "vault.db")) as connection:
        connection.execute("UPDATE grants SET sealed = x'00' WHERE server = ?", (BROKEN,))
        connection.commit()
    return cli


def test_a_damaged_sign_in_has_a_row_and_the_command_that_forgets_it(damaged: CommandLine) -> None:
    result = damaged("status")

    rows = [line.split("   ") for line in result.stdout.splitlines()[1:4]]
    assert result.code == 0
    assert [[cell.strip() for cell in row if cell.strip()][:3] for row in rows] == [
        ["broken", "✗ damaged", "at work"],
        ["broken", "✗ damaged", "—"],
        ["healthy", "◐ renews at next use", "alice@example.com"],
    ]
    assert result.stderr == "hint: handstamp logout broken --account 'at work'\nhint: handstamp logout broken\n"


def test_a_damaged_sign_in_as_json_tells_where_it_was(damaged: CommandLine) -> None:
    result = damaged("status", "--json")

    at_work, default, healthy = result.json["servers"]
    assert result.stderr == ""
    assert healthy["status"] == "expired"
    assert default == {
        "server": "broken",
        "url": BROKEN,
        "status": "damaged",
        "account": "default",
        "issuer": "https://issuer.example",
    }
    assert at_work == {**default, "account": "at work"}
    assert not [secret for secret in SECRETS if secret in result.stdout]


def test_one_damaged_server_tells_all_that_can_be_read(damaged: CommandLine) -> None:
    result = damaged("status", "broken")

    assert result.code == 0
    assert result.stdout.count("✗ damaged") == 2
    assert result.stdout.count("https://issuer.example") == 2


def test_a_damaged_sign_in_to_a_url_without_a_name_is_shown(damaged: CommandLine) -> None:
    damaged("remove", "broken")

    result = damaged("status")

    assert f"{BROKEN}   ✗ damaged" in result.stdout
    assert f"hint: handstamp logout {BROKEN}\n" in result.stderr
