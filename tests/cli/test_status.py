"""`handstamp status` where a stored sign-in is damaged."""

import sqlite3
from contextlib import closing
from dataclasses import replace

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


def test_a_former_sign_in_is_called_that_and_asks_for_nothing(cli: CommandLine) -> None:
    """A-18: the server has moved to another issuer, where the person has signed in since."""
    cli("add", "moved", HEALTHY)
    with closing(SqliteStore(cli.state, [HeldKey(b"k" * 32)])) as store:
        for issuer, at in (("https://old.example", 1000.0), ("https://new.example", 2000.0)):
            grant = grant_for(owner="local", server=HEALTHY, account="default", issuer=issuer, at=at)
            over = replace(grant.token, refresh_token=None) if at == 1000.0 else grant.token
            store.save_grant(replace(grant, token=over))

    result = cli("status")
    as_json = cli("status", "--json").json["servers"]

    rows = [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in result.stdout.splitlines()[1:3]]
    assert [(row[1], row[-1]) for row in rows] == [("◐ renews at next use", "at next use"), ("○ former", "—")]
    assert [(each["status"], each["issuer"]) for each in as_json] == [
        ("expired", "https://new.example"),
        ("former", "https://old.example"),
    ]
    assert result.stderr == ""
