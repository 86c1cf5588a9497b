"""`handstamp status`: sign-ins that are damaged, former, or in need of somebody; and `--check` for monitors."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import pytest

from cli.commandline import CommandLine
from handstamp.model import Failure, Grant, Pending
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import HeldKey
from stores.samples import SECRETS, grant_for

HEALTHY = "https://healthy.example/mcp"
BROKEN = "https://broken.example/mcp"


@pytest.fixture
def damaged(cli: CommandLine) -> CommandLine:
    """Signed in to `healthy` and twice to `broken`, whose two rows are damaged."""
    cli.here("add", "broken", BROKEN)
    cli.here("add", "healthy", HEALTHY)
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
        "needs_person": True,
        "problem": "What is stored of it cannot be read.",
        "next_step": "handstamp logout broken",
        "enabled": True,
    }
    assert at_work == {**default, "account": "at work", "next_step": "handstamp logout broken --account 'at work'"}
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
    cli.here("add", "moved", HEALTHY)
    with closing(SqliteStore(cli.state, [HeldKey(b"k" * 32)])) as store:
        for issuer, at in (("https://old.example", 1000.0), ("https://new.example", 2000.0)):
            grant = grant_for(owner="local", server=HEALTHY, account="default", issuer=issuer, at=at)
            over = replace(grant.token, refresh_token=None) if at == 1000.0 else grant.token
            store.save_grant(replace(grant, token=over))

    result = cli.here("status")
    as_json = cli.here("status", "--json").json["servers"]

    rows = [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in result.stdout.splitlines()[1:3]]
    assert [(row[1], row[-1]) for row in rows] == [("◐ renews at next use", "at next use"), ("○ former", "—")]
    assert [(each["status"], each["issuer"]) for each in as_json] == [
        ("expired", "https://new.example"),
        ("former", "https://old.example"),
    ]
    assert result.stderr == ""


def store(cli: CommandLine, *grants: Grant) -> None:
    with closing(SqliteStore(cli.state, [HeldKey(b"k" * 32)])) as vault:
        for grant in grants:
            vault.save_grant(grant)


def current_grant(server: str, account: str = "default") -> Grant:
    """Signed in two hours ago, renewed ten minutes ago, good for another fifty."""
    now = time.time()
    grant = grant_for(owner="local", server=server, account=account, at=now - 7200)
    return replace(grant, token=replace(grant.token, obtained_at=now - 600, expires_at=now + 3000))


def refused_grant(server: str, account: str = "default") -> Grant:
    return replace(current_grant(server, account), refused="fingerprint")


def failing_grant(server: str) -> Grant:
    """Its token has ended since."""
    grant, now = current_grant(server), time.time()
    over = replace(grant.token, obtained_at=now - 4000, expires_at=now - 300)
    failure = Failure(now - 60, "temporarily_unavailable", "issuer.example answered 503\x1b[2J.")
    return replace(grant, token=over, failure=failure, pending=Pending(now - 60, "fingerprint"))


def test_a_check_prints_nothing_where_there_is_nothing_to_do(cli: CommandLine) -> None:
    """A configured server that nobody has signed in to is none of its business."""
    cli.here("add", "unused", "https://unused.example/mcp")
    before = cli.here("status", "--check")
    store(cli, current_grant(HEALTHY))

    result = cli.here("status", "--check")

    assert [(each.code, each.stdout, each.stderr) for each in (before, result)] == [(0, "", "")] * 2


def test_a_server_that_is_named_has_to_be_signed_in_to(cli: CommandLine) -> None:
    cli.here("add", "unused", "https://unused.example/mcp")

    result = cli.here("status", "unused", "--check")

    assert (result.code, result.stdout) == (4, "unused   ○ not signed in   Nobody has signed in.\n")
    assert result.stderr == "hint: handstamp login unused\n"


def test_a_check_prints_what_is_wrong_and_the_worst_of_it_is_the_exit_code(cli: CommandLine) -> None:
    cli.here("add", "busy", BROKEN)
    cli.here("add", "healthy", HEALTHY)
    store(cli, current_grant(HEALTHY), failing_grant(BROKEN))

    failing = cli.here("status", "--check")
    store(cli, refused_grant(HEALTHY, "at work"))
    both = cli.here("status", "--check")

    assert failing.code == 3
    assert failing.stdout == "busy   ◐ renewal fails   issuer.example answered 503\\x1b[2J.\n"
    assert failing.stderr == "hint: handstamp -v login busy\n"
    assert both.code == 4
    assert both.stdout.splitlines() == [
        "busy                ◐ renewal fails   issuer.example answered 503\\x1b[2J.",
        "healthy (at work)   ○ needs login     The server no longer accepts the stored sign-in.",
    ]
    assert both.stderr.splitlines()[-1] == "hint: handstamp login healthy --account 'at work'"


def test_a_check_as_json_has_the_same_members_and_only_what_is_wrong(cli: CommandLine) -> None:
    cli.here("add", "busy", BROKEN)
    store(cli, current_grant(HEALTHY), failing_grant(BROKEN))

    result, whole = cli.here("status", "--check", "--json"), cli.here("status", "--json")

    busy, healthy = whole.json["servers"]
    assert (result.code, whole.code) == (3, 0)
    assert result.json == {**whole.json, "servers": [busy]}
    assert busy["last_error"]["code"] == "temporarily_unavailable"
    assert busy["last_error"]["at"] == busy["pending_since"]
    assert (busy["needs_person"], busy["next_step"]) == (False, "handstamp -v login busy")
    assert healthy["refreshed_at"] > healthy["signed_in_at"]
    assert [healthy[name] for name in ("pending_since", "last_error", "needs_person", "problem", "next_step")] == [
        None,
        None,
        False,
        None,
        None,
    ]
    assert not [secret for secret in SECRETS if secret in whole.stdout]


def test_a_check_of_a_damaged_sign_in_or_of_no_vault_at_all_is_the_vaults_exit_code(damaged: CommandLine) -> None:
    result = damaged("status", "--check")
    locked = damaged("status", "--check", environment={"HANDSTAMP_KEY": "wrong"})

    assert (result.code, result.stdout.count("✗ damaged   What is stored of it cannot be read.")) == (5, 2)
    assert (locked.code, locked.stdout) == (5, "")


def test_the_details_tell_when_it_was_renewed_and_what_went_wrong(cli: CommandLine) -> None:
    store(cli, failing_grant(BROKEN))

    rows = dict(line.split("   ", 1) for line in cli.here("status", BROKEN).stdout.splitlines() if "   " in line)

    told = {name.strip(): value.strip() for name, value in rows.items()}
    assert (told["status"], told["renews"]) == ("◐ renewal fails", "ended 5 min ago")
    assert told["last renewed"] > told["signed in"]
    assert told["last error"] == f"{told['renewing since']}  issuer.example answered 503\\x1b[2J."
    assert "why" not in told


def test_the_details_tell_why_a_person_is_needed(cli: CommandLine) -> None:
    store(cli, refused_grant(BROKEN))

    result = cli.here("status", BROKEN)

    assert "\nwhy            The server no longer accepts the stored sign-in.\n" in result.stdout
    assert "\nrenews         ends in 50 min\n" in result.stdout
    assert result.stderr == f"hint: handstamp login {BROKEN}\n"


@pytest.fixture
def several(cli: CommandLine) -> CommandLine:
    """A server that is switched off, and two programs of which one is."""
    cli.here("add", "linear", HEALTHY)
    cli.here("add", "files", "--env", "TOKEN=hunter2", "--cwd", "/srv", "--", "files", "--root", "my notes")
    cli.here("add", "shell", "--", "shell")
    cli.here("disable", "linear")
    cli.here("disable", "shell")
    return cli


def test_programs_and_what_is_switched_off_have_a_row_and_want_nothing(several: CommandLine) -> None:
    result = several.here("status")

    assert [line.split()[:3] for line in result.stdout.splitlines()[1:4]] == [
        ["linear", "–", "disabled"],
        ["files", "–", "program"],
        ["shell", "–", "disabled"],
    ]
    assert result.stderr == ""
    assert several.here("status", "--check").code == 0


def test_a_program_tells_what_is_configured_and_no_value_of_its_variables(several: CommandLine) -> None:
    result = several.here("status", "files")

    assert result.code == 0
    assert result.stdout.startswith(
        "server      files\nstatus      – program\ncommand     files --root 'my notes'\nruns in     /srv\nvariables   TOKEN\n"
    )
    assert "handstamp enable shell" in several.here("status", "shell").stdout


def test_a_server_that_is_switched_off_and_named_tells_how_it_stands(several: CommandLine) -> None:
    result = several.here("status", "linear")

    assert "status    ○ not signed in\nenabled   no; handstamp enable linear\n" in result.stdout
    assert result.stderr == "hint: handstamp login linear\n"


def test_programs_stand_in_json_beside_the_servers(several: CommandLine) -> None:
    result = several.here("status", "--json")

    assert [(each["server"], each["enabled"], each["next_step"]) for each in result.json["servers"]] == [("linear", False, None)]
    assert result.json["programs"] == [
        {"server": "files", "command": ["files", "--root", "my notes"], "enabled": True},
        {"server": "shell", "command": ["shell"], "enabled": False},
    ]
    assert "hunter2" not in result.stdout
    assert several.here("status", "files", "--json").json["servers"] == []
