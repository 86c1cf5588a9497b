"""`add`, `remove`, `enable` and `disable`: what they write, what they refuse, and that no secret passes through them."""

import tomllib
from contextlib import closing
from typing import Any

import pytest

from cli.commandline import CommandLine
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import HeldKey
from stores.samples import grant_for

URL = "https://mcp.linear.app/mcp"
SECRET = "a-client-secret-of-mine"


def written(cli: CommandLine) -> Any:
    return tomllib.loads(cli.servers_toml.read_text())["servers"]


def test_add_writes_the_server_and_names_the_next_command(cli: CommandLine) -> None:
    result = cli.here("add", "linear", URL)

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == f"✓ Added linear ({URL}) in {cli.servers_toml}\nhint: handstamp login linear\n"
    assert written(cli) == {"linear": {"url": URL}}
    assert not cli.state.exists()


def test_add_writes_every_setting_that_it_takes(cli: CommandLine) -> None:
    options = ["--client-id", "me", "--client-secret-from", "env:LINEAR_SECRET", "--issuer", "https://linear.app"]
    options += ["--scope", "read write", "--scope", "admin", "--callback-port", "8123"]
    options += ["--header", "X-Workspace: one", "--header", "X-Colon: a:b", "--authorization-revision", "2025-03-26"]

    result = cli.here("add", "linear", URL, *options)

    assert result.code == 0, result.stderr
    assert written(cli)["linear"] == {
        "url": URL,
        "client_id": "me",
        "client_secret_from": "env:LINEAR_SECRET",
        "issuer": "https://linear.app",
        "scopes": ["read", "write", "admin"],
        "callback_port": 8123,
        "headers": {"X-Workspace": "one", "X-Colon": "a:b"},
        "authorization_revision": "2025-03-26",
    }
    assert cli.here("status").code == 0


def test_add_keeps_what_else_stands_in_the_file(cli: CommandLine) -> None:
    cli.servers_toml.parent.mkdir()
    cli.servers_toml.write_text(f'# mine\n[servers.old]\nurl = "{URL}"  # keep\n')

    cli.here("add", "new", "https://mcp.example.com/mcp")

    assert cli.servers_toml.read_text().startswith(f'# mine\n[servers.old]\nurl = "{URL}"  # keep\n')
    assert set(written(cli)) == {"old", "new"}


def test_add_under_a_name_that_exists_says_where_the_old_sign_in_stays(cli: CommandLine) -> None:
    cli.here("add", "linear", "https://old.example/mcp")

    result = cli.here("add", "linear", URL)

    assert result.stderr.startswith("✓ Changed linear")
    assert "handstamp logout https://old.example/mcp" in result.stderr


@pytest.mark.parametrize("command", ["text", "json"])
def test_a_read_only_file_gets_the_lines_to_paste_on_stdout(command: str, cli: CommandLine) -> None:
    """Decision 8: servers.toml may belong to Nix or to dotfiles."""
    cli.here("add", "old", "https://mcp.example.com/mcp")
    cli.servers_toml.chmod(0o444)
    before = cli.servers_toml.read_text()

    result = cli.here("add", "linear", URL, *(["--json"] if command == "json" else []))

    lines = result.json["lines"] if command == "json" else result.stdout
    assert result.code == 0
    assert tomllib.loads(lines)["servers"] == {"linear": {"url": URL}}
    assert cli.servers_toml.read_text() == before
    if command == "text":
        assert "read-only" in result.stderr
    else:
        assert result.json["written"] is False


@pytest.mark.parametrize(
    "options",
    [
        ("--client-id", "c", "--client-secret-from", SECRET),
        ("--client-id", "c", "--client-secret-from", f"{SECRET}:{SECRET}"),
        ("--client-secret-from", "env:X"),
        ("--client-id", "c", "--client-id-url", "https://me.example/client.json"),
        ("--client-id-url", "http://me.example/client.json"),
        ("--issuer", "http://issuer.example"),
        ("--header", f"Authorization: Bearer {SECRET}"),
        ("--header", SECRET),
        ("--scope", 'quo"ted'),
        ("--callback-port", "0"),
    ],
)
def test_add_refuses_what_cannot_be_and_never_repeats_a_secret(options: tuple[str, ...], cli: CommandLine) -> None:
    result = cli.here("add", "linear", URL, *options)

    assert result.code in (1, 2)
    assert result.stdout == ""
    assert SECRET not in result.stderr
    assert "Traceback" not in result.stderr
    assert not cli.servers_toml.exists()


@pytest.mark.parametrize("arguments", [("li near", URL), ("linear", "http://mcp.linear.app/mcp"), ("linear", "linear")])
def test_add_refuses_a_name_or_an_address_that_is_none(arguments: tuple[str, str], cli: CommandLine) -> None:
    result = cli.here("add", *arguments)

    assert result.code == 2
    assert not cli.servers_toml.exists()


def test_without_a_terminal_a_secret_cannot_be_typed_and_the_other_ways_are_named(cli: CommandLine) -> None:
    result = cli("add", "linear", URL, "--client-id", "c", "--client-secret-from", "prompt", stdin=f"{SECRET}\n")

    assert (result.code, result.stdout) == (2, "")
    assert "env:NAME" in result.stderr
    assert "file:PATH" in result.stderr
    assert not cli.servers_toml.exists()


def test_a_typed_secret_is_not_echoed_and_goes_to_the_vault_alone(cli: CommandLine) -> None:
    """Item 8 of issue 2: no secret ever stands in servers.toml or in argv."""
    with cli.terminal("add", "linear", URL, "--client-id", "c", "--client-secret-from", "prompt") as terminal:
        terminal.until("(not shown):")
        terminal.press(f"{SECRET}\n")
        result = terminal.end()

    assert result.code == 0
    assert SECRET not in terminal.screen
    assert written(cli)["linear"]["client_secret_from"] == "vault"
    files = [path for path in cli.home.rglob("*") if path.is_file()]
    assert any(path.name == "vault.db" for path in files)
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


def test_remove_takes_the_name_away_and_leaves_the_others(cli: CommandLine) -> None:
    cli.here("add", "one", URL)
    cli.here("add", "two", "https://mcp.example.com/mcp")

    result = cli.here("remove", "one")

    assert (result.code, result.stdout) == (0, "")
    assert set(written(cli)) == {"two"}
    assert not (cli.state / "vault.db").exists()


def test_remove_names_the_account_of_a_sign_in_that_stays(cli: CommandLine) -> None:
    cli.here("add", "linear", URL)
    with closing(SqliteStore(cli.state, [HeldKey(b"k" * 32)])) as store:
        store.save_grant(grant_for(owner="local", server=URL, account="work"))

    result = cli.here("remove", "linear")

    assert result.stderr.splitlines()[-1] == f"hint: handstamp logout {URL} --account work"


@pytest.mark.parametrize("name", ["nobody", URL])
def test_remove_wants_the_name_of_a_configured_server(name: str, cli: CommandLine) -> None:
    cli.here("add", "one", "https://mcp.example.com/mcp")

    result = cli.here("remove", name)

    assert result.code == 2
    assert "(known: one)" in result.stderr


def test_remove_from_a_read_only_file_fails_and_says_so(cli: CommandLine) -> None:
    cli.here("add", "one", URL)
    cli.servers_toml.chmod(0o444)

    result = cli.here("remove", "one")

    assert result.code == 2
    assert "read-only" in result.stderr
    assert set(written(cli)) == {"one"}


FULL = f"""\
# mine
[servers.work]  # at work
url = "{URL}"  # keep
scopes = [
  "read",  # all that is needed
]
callback_port = 8123
code_challenge_methods_supported = ["S256"]
authorization_revision = "2025-03-26"
headers = {{ X-Team = "tools" }}

# the other one
[servers.other]
url = "https://other.example/mcp"
"""


def test_add_under_a_name_that_exists_changes_what_was_given_alone(cli: CommandLine) -> None:
    """An error's hint says `handstamp add NAME URL --client-id ID`: whoever follows it loses nothing."""
    cli.servers_toml.parent.mkdir()
    cli.servers_toml.write_text(FULL)

    result = cli.here("add", "work", URL, "--client-id", "me")

    after = cli.servers_toml.read_text()
    assert result.code == 0, result.stderr
    assert after.replace('client_id = "me"\n', "") == FULL
    assert written(cli)["work"]["client_id"] == "me"


def test_another_url_or_header_keeps_the_other_settings(cli: CommandLine) -> None:
    cli.servers_toml.parent.mkdir()
    cli.servers_toml.write_text(FULL)

    cli.here("add", "work", "https://new.example/mcp", "--header", "x-trace: on", "--header", "X-TEAM: all")

    assert written(cli)["work"] == {
        "url": "https://new.example/mcp",
        "scopes": ["read"],
        "callback_port": 8123,
        "code_challenge_methods_supported": ["S256"],
        "authorization_revision": "2025-03-26",
        "headers": {"x-trace": "on", "X-TEAM": "all"},
    }
    assert "# all that is needed" in cli.servers_toml.read_text()


def test_a_secrets_place_can_be_given_later_and_goes_with_its_client(cli: CommandLine) -> None:
    cli.here("add", "work", URL, "--client-id", "me")

    cli.here("add", "work", URL, "--client-secret-from", "env:WORK_SECRET")
    with_secret = written(cli)["work"]
    cli.here("add", "work", URL, "--client-id-url", "https://me.example/client.json")
    with_document = written(cli)["work"]

    assert with_secret == {"url": URL, "client_id": "me", "client_secret_from": "env:WORK_SECRET"}
    assert with_document == {"url": URL, "client_id_url": "https://me.example/client.json"}


@pytest.mark.parametrize(
    "text",
    [
        f'servers = {{work = {{url = "{URL}", scopes = ["read"]}}}}\n',
        f'[servers]\nwork = {{url = "{URL}", scopes = ["read"]}}\n',
        f'[servers.work]\nurl = "{URL}"\nscopes = ["read"]\n[servers.b]\nurl = "{URL}"\n[servers.work.headers]\nX-Team = "t"\n',
        f'[servers."work"]\r\nurl = \'{URL}\'\r\nscopes = ["read"]\r\n',
    ],
)
def test_other_forms_of_toml_are_edited_too(text: str, cli: CommandLine) -> None:
    cli.servers_toml.parent.mkdir()
    cli.servers_toml.write_bytes(text.encode())
    before = written(cli)

    changed = cli.here("add", "work", URL, "--client-id", "me")
    added = cli.here("add", "new", "https://new.example/mcp", "--header", "X-Team: new")
    after = written(cli)
    removed = cli.here("remove", "work")

    assert [changed.code, added.code, removed.code] == [0, 0, 0], (changed, added, removed)
    new = {"url": "https://new.example/mcp", "headers": {"X-Team": "new"}}
    assert after == before | {"work": before["work"] | {"client_id": "me"}, "new": new}
    assert set(written(cli)) == {*after} - {"work"}


def test_a_form_that_cannot_be_edited_gets_the_lines_to_paste(cli: CommandLine) -> None:
    cli.servers_toml.parent.mkdir()
    before = f'servers.one.url = "{URL}"\nservers.two.url = "{URL}"\nservers.one.scopes = ["read"]\n'
    cli.servers_toml.write_text(before)

    result = cli.here("add", "new", URL, "--header", "X-Team: new")

    assert result.code == 0, result.stderr
    assert "form of TOML" in result.stderr
    assert tomllib.loads(result.stdout)["servers"] == {"new": {"url": URL, "headers": {"X-Team": "new"}}}
    assert cli.servers_toml.read_text() == before


def test_a_new_file_is_for_its_owner_alone_and_an_old_one_keeps_its_mode(cli: CommandLine) -> None:
    cli.here("add", "one", URL)
    new = cli.servers_toml.stat().st_mode & 0o777
    cli.servers_toml.chmod(0o644)
    cli.here("add", "two", URL)

    assert new == 0o600
    assert cli.servers_toml.stat().st_mode & 0o777 == 0o644


def test_add_writes_a_program_and_no_option_is_looked_for_in_its_command(cli: CommandLine) -> None:
    result = cli.here("add", "files", "--env", "TOKEN=env:T", "--cwd", "~/notes", "--", "npx", "-y", "--env", "files", "--", "x")

    assert result.stderr == f"✓ Added files (npx -y --env files -- x) in {cli.servers_toml}\nhint: handstamp tools files\n"
    assert written(cli)["files"] == {
        "command": ["npx", "-y", "--env", "files", "--", "x"],
        "env": {"TOKEN": "env:T"},
        "cwd": "~/notes",
    }


def test_add_as_json_tells_the_command_of_a_program(cli: CommandLine) -> None:
    result = cli.here("add", "files", "--json", "--", "files", "-v")

    assert result.json == {
        "version": 1,
        "server": "files",
        "command": ["files", "-v"],
        "path": str(cli.servers_toml),
        "written": True,
        "next_step": "handstamp tools files",
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("files",), "got neither"),
        (("files", URL, "--", "files"), "got both"),
        (("files", "--"), "after the two dashes, got nothing"),
        (("files", "--", ""), "Expected command to be a list"),
        (("files", "--", "./files"), "an absolute path, or one from ~"),
        (("files", "--cwd", "notes", "--", "files"), "Expected --cwd to be an absolute path"),
        (("files", "--env", SECRET, "--", "files"), "NAME=VALUE"),
        (("files", "--env", f" ={SECRET}", "--", "files"), "the name of an environment variable"),
        (("files", "--env", "A=env:", "--", "files"), "nothing after the colon"),
        (("files", "--scope", "read", "--", "files"), "Expected --scope with a URL only"),
        (("files", "--transport", "sse", "--", "files"), "Expected --transport with a URL only"),
        (("files", URL, "--env", "A=1"), "Expected --env with the command of a program only"),
        (("files", URL, "--cwd", "/"), "Expected --cwd with the command of a program only"),
    ],
)
def test_add_refuses_what_is_neither_or_both(arguments: tuple[str, ...], expected: str, cli: CommandLine) -> None:
    result = cli.here("add", *arguments)

    assert result.code == 2
    assert expected in result.stderr
    assert "hint: handstamp add --help" in result.stderr
    assert SECRET not in result.stderr
    assert not cli.servers_toml.exists()


def test_a_server_that_becomes_a_program_says_where_its_sign_in_stays(cli: CommandLine) -> None:
    cli.here("add", "one", URL, "--transport", "sse")
    before = written(cli)["one"]

    result = cli.here("add", "one", "--", "files")

    assert before == {"url": URL, "transport": "sse"}
    assert result.stderr.startswith("✓ Changed one (files)")
    assert f"handstamp logout {URL}" in result.stderr
    assert written(cli)["one"] == {"command": ["files"]}


def test_remove_takes_a_program_away_too(cli: CommandLine) -> None:
    cli.here("add", "files", "--", "files", "-v")

    result = cli.here("remove", "files", "--json")

    assert result.json == {
        "version": 1,
        "server": "files",
        "command": ["files", "-v"],
        "still_signed_in": False,
        "next_step": None,
    }


@pytest.mark.parametrize("arguments", [("one", URL), ("files", "--", "files")], ids=["server", "program"])
def test_disable_and_enable_switch_a_server_off_and_on(arguments: tuple[str, ...], cli: CommandLine) -> None:
    name = arguments[0]
    cli.here("add", *arguments)
    before = written(cli)[name]

    disabled = cli.here("disable", name)
    off = written(cli)[name]
    enabled = cli.here("enable", name, "--json")

    assert disabled.stderr == f"✓ Disabled {name} in {cli.servers_toml}\n"
    assert off == before | {"enabled": False}
    assert enabled.json == {"version": 1, "server": name, "enabled": True, "path": str(cli.servers_toml), "written": True}
    assert written(cli)[name] == before | {"enabled": True}


def test_where_the_file_is_read_only_the_lines_of_a_switched_server_are_shown(cli: CommandLine) -> None:
    cli.here("add", "one", URL)
    cli.servers_toml.chmod(0o444)

    text, json = cli.here("disable", "one"), cli.here("disable", "one", "--json")

    lines = f'[servers.one]\nurl = "{URL}"\nenabled = false\n'
    assert (text.code, text.stdout) == (0, lines)
    assert "Put these lines in the place of its [servers.one]:" in text.stderr
    assert (json.json["written"], json.json["enabled"], json.json["lines"]) == (False, False, lines)


@pytest.mark.parametrize("command", ["enable", "disable"])
def test_only_what_is_configured_can_be_switched(command: str, cli: CommandLine) -> None:
    cli.here("add", "one", URL)

    result = cli.here(command, URL)

    assert result.code == 2
    assert "(known: one)" in result.stderr


@pytest.mark.parametrize("command", ["login", "logout", "token", "headers", "refresh"])
def test_what_is_of_sign_ins_alone_says_so_of_a_program(command: str, cli: CommandLine) -> None:
    """A-02."""
    cli.here("add", "files", "--", "files")

    result = cli.here(command, "files")

    assert (result.code, result.stdout) == (2, "")
    assert "nobody signs in to it" in result.stderr
    assert "hint: handstamp tools files" in result.stderr


def test_an_option_of_a_program_is_none_of_ours_in_an_error_either(cli: CommandLine) -> None:
    result = cli.here("add", "files", "--bogus", "--", "files", "--json")

    assert result.code == 2
    assert result.stderr.startswith("error: No such option")
