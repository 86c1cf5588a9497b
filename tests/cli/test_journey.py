"""The main job through the real program: add, login, status, token, headers, tools, call, logout."""

import json
import subprocess
import sys

import pytest

from authority import Authority, Knobs, StartAuthority
from cli.commandline import CommandLine

TOKEN = "stamp_at_"


@pytest.fixture
def server(authority: StartAuthority, cli: CommandLine) -> Authority:
    """Configured as `demo`, and a browser that allows."""
    started = authority()
    cli.here("add", "demo", started.server_url, "--header", "X-Workspace: one")
    cli.use_visiting_browser()
    return started


@pytest.fixture
def signed_in(server: Authority, cli: CommandLine) -> Authority:
    """The same after `handstamp login demo`."""
    result = cli.here("login", "demo")
    assert result.code == 0, result.stderr
    return server


def test_a_login_without_a_terminal_asks_nothing_and_prints_the_link_once(server: Authority, cli: CommandLine) -> None:
    result = cli("login", "demo")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr.count("response_type=code") == 1
    assert "Press Enter" not in result.stderr
    assert (
        "✓ Signed in to demo\n  Stored in vault.db, key in the environment variable HANDSTAMP_KEY. Renews by itself"
        in result.stderr
    )
    assert TOKEN not in result.stderr


def test_a_second_login_says_that_there_is_nothing_to_do(signed_in: Authority, cli: CommandLine) -> None:
    asked = len(signed_in.token_requests)

    result = cli.here("login", "demo")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr.startswith("✓ demo is already signed in (renews in ")
    assert result.stderr.endswith("hint: handstamp login demo --again\n")
    assert len(signed_in.token_requests) == asked


def test_login_again_signs_in_anew(signed_in: Authority, cli: CommandLine) -> None:
    result = cli.here("login", "demo", "--again", "--json")

    assert result.code == 0
    assert (result.json["version"], result.json["status"]) == (1, "signed_in")
    assert result.json["expires_at"].endswith("Z")
    assert TOKEN not in result.stdout


def test_an_open_server_needs_no_login(authority: StartAuthority, cli: CommandLine) -> None:
    server = authority(Knobs(open_server=True, resource_metadata_at="nowhere"))
    cli.here("add", "demo", server.server_url)

    result = cli.here("login", "demo")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == "✓ demo works without signing in.\n"


def test_an_open_server_has_headers_and_no_token(authority: StartAuthority, cli: CommandLine) -> None:
    server = authority(Knobs(open_server=True, resource_metadata_at="nowhere"))
    cli.here("add", "bare", server.server_url)
    cli.here("add", "demo", server.server_url, "--header", "X-Team: tools")

    bare, headers, token = cli.here("headers", "bare"), cli.here("headers", "demo"), cli.here("token", "demo")

    assert (bare.code, bare.stdout, bare.stderr) == (0, "{}\n", "")
    assert (headers.code, headers.json) == (0, {"X-Team": "tools"})
    assert (token.code, token.stdout) == (1, "")
    assert token.stderr == "error: demo works without signing in, so it has no token.\nhint: handstamp tools demo\n"


def test_a_protected_server_without_a_sign_in_is_not_open(authority: StartAuthority, cli: CommandLine) -> None:
    server = authority()
    cli.here("add", "demo", server.server_url, "--header", "X-Team: tools")

    for command in ("headers", "token"):
        result = cli.here(command, "demo")

        assert (result.code, result.stdout) == (4, "")
        assert result.stderr == "error: demo is not signed in yet.\nhint: handstamp login demo\n"


def test_the_headers_of_a_server_that_was_signed_in_to_ask_it_nothing(signed_in: Authority, cli: CommandLine) -> None:
    asked = len(signed_in.log)

    codes = [cli.here("headers", "demo").code, cli.here("token", "demo").code]

    assert codes == [0, 0]
    assert len(signed_in.log) == asked


def test_a_header_that_is_a_secret_is_read_at_each_use_and_never_written(authority: StartAuthority, cli: CommandLine) -> None:
    """W6, W12."""
    server = authority()
    cli.use_visiting_browser()
    headers = ("X-Key: env:DEMO_KEY", "X-File: file:~/key", "X-Team: a")
    cli.here("add", "demo", server.server_url, *(word for header in headers for word in ("--header", header)))
    (cli.home / "key").write_text("secret-in-a-file\n")
    environment = {"DEMO_KEY": "secret-in-the-environment"}

    login = cli.here("-v", "login", "demo", environment=environment)
    printed = cli.here("headers", "demo", environment=environment)
    tools = cli.here("tools", "demo", environment=environment)

    expected = {"X-Key": "secret-in-the-environment", "X-File": "secret-in-a-file", "X-Team": "a"}
    posts = [seen.headers for seen in server.log if seen.at == "server" and seen.method == "POST"]
    at_authority = [seen for seen in server.log if seen.at == "authority" and "x-key" in seen.headers]
    assert (login.code, tools.code) == (0, 0), login.stderr + tools.stderr
    assert {name: printed.json[name] for name in expected} == expected
    assert len(posts) >= 2
    assert all({name: sent.get(name.lower()) for name in expected} == expected for sent in posts)
    assert at_authority == []
    assert "secret-in" not in login.stderr + login.stdout + tools.stderr
    files = [path for path in cli.home.rglob("*") if path.is_file() and path.name != "key"]
    assert not any(b"secret-in" in path.read_bytes() for path in files)


@pytest.mark.parametrize("value", [None, "", "two\nlines"])
def test_a_header_that_is_missing_where_it_should_be_is_named(value: str | None, signed_in: Authority, cli: CommandLine) -> None:
    cli.here("add", "demo", signed_in.server_url, "--header", "X-Key: env:DEMO_KEY")
    environment = {} if value is None else {"DEMO_KEY": value}

    for command in (["headers", "demo"], ["login", "demo", "--again"], ["tools", "demo"]):
        result = cli.here(*command, environment=environment)

        assert (result.code, result.stdout) == (2, "")
        assert "the header X-Key" in result.stderr
        assert "DEMO_KEY" in result.stderr
        assert "two" not in result.stderr


def test_status_shows_servers_on_stdout_and_what_to_run_on_stderr(signed_in: Authority, cli: CommandLine) -> None:
    cli("add", "other", "https://mcp.example.com/mcp")

    result = cli("status")

    lines = result.stdout.splitlines()
    assert result.code == 0
    assert lines[0].split() == ["SERVER", "STATUS", "ACCOUNT", "SCOPES", "RENEWS"]
    assert lines[1].startswith("demo     ● signed in       ")
    assert "read, write" in lines[1]
    assert " in 4" in lines[1]
    assert lines[2].startswith("other    ○ not signed in   —")
    assert lines[-1] == f"Vault {cli.state / 'vault.db'}, key in the environment variable HANDSTAMP_KEY"
    assert result.stderr == "hint: handstamp login other\n"


def test_status_as_json_has_words_and_times_and_no_secret(signed_in: Authority, cli: CommandLine) -> None:
    result = cli.here("status", "--json")

    (demo,) = result.json["servers"]
    assert result.stderr == ""
    assert result.json["version"] == 1
    assert result.json["vault"] == {"path": str(cli.state / "vault.db"), "key": "the environment variable HANDSTAMP_KEY"}
    assert (demo["server"], demo["status"], demo["account"]) == ("demo", "signed_in", "default")
    assert demo["renews_at"] < demo["expires_at"]
    assert TOKEN not in result.stdout


def test_status_of_one_server_tells_all_of_it(signed_in: Authority, cli: CommandLine) -> None:
    result = cli.here("status", "demo")

    shown = dict(line.split("   ", 1) for line in result.stdout.splitlines() if "   " in line)
    assert shown["issuer"].strip() == signed_in.issuer
    assert shown["client"].strip() == "dynamic"


def test_status_shows_a_server_that_was_only_ever_a_url(server: Authority, cli: CommandLine) -> None:
    cli.here("remove", "demo")
    cli.here("login", server.server_url)

    result = cli.here("status")

    assert f"{server.server_url}   ● signed in" in result.stdout


def test_token_prints_the_token_and_nothing_else(signed_in: Authority, cli: CommandLine) -> None:
    plain, through_click = cli("token", "demo"), cli("token", "demo", "--account", "default")
    as_json = cli("token", "demo", "--json")

    assert (plain.code, plain.stderr) == (0, "")
    assert plain.stdout.startswith(TOKEN)
    assert plain.stdout.count("\n") == 1
    assert through_click.stdout == plain.stdout
    assert as_json.json["access_token"] == plain.stdout.strip()


def test_headers_are_one_flat_object_with_the_configured_ones(signed_in: Authority, cli: CommandLine) -> None:
    """What Claude Code's headersHelper reads: every member is a header."""
    result = cli.here("headers", "demo")

    assert (result.code, result.stderr) == (0, "")
    assert set(result.json) == {"Authorization", "X-Workspace"}
    assert result.json["Authorization"].startswith(f"Bearer {TOKEN}")
    assert cli.here("headers", "demo", "--json").stdout == result.stdout


def test_v_shows_every_request_and_masks_what_is_secret(server: Authority, cli: CommandLine) -> None:
    """Every line that could bear a code, a verifier or a token bears *** instead."""
    result = cli.here("-v", "login", "demo")

    trace = [line for line in result.stderr.splitlines() if line.startswith(("→", "←", "    "))]
    assert any(line.startswith("→ POST") and line.endswith("/token  (token request)") for line in trace)
    assert "    code  ***" in trace
    assert "    code_verifier  ***" in trace
    assert "    X-Workspace:  ***" in trace
    assert sum(line.startswith("→") for line in trace) == sum(line.startswith("←") for line in trace)
    form = server.token_requests[0]
    assert not any(form[name] in result.stderr for name in ("code", "code_verifier"))
    assert TOKEN not in result.stderr


def test_tools_lists_names_and_what_they_do(signed_in: Authority, cli: CommandLine) -> None:
    """A-134: and the server is not told that it may ask a person for anything."""
    plain, whole = cli.here("tools", "demo"), cli.here("tools", "demo", "--json")

    assert plain.stdout.splitlines()[1] == "add      The sum of two numbers."
    assert plain.stderr == ""
    assert [tool["name"] for tool in whole.json["tools"]] == ["whoami", "add", "stamp"]
    assert "inputSchema" in whole.json["tools"][0]
    ours = [seen for seen in signed_in.log if seen.path == "/mcp"]
    assert any(("x-workspace", "one") in seen.headers.items() for seen in ours)
    assert any(b"apabilities" in seen.body for seen in ours)
    assert not any(b"elicitation" in seen.body for seen in ours)


def test_call_gives_the_tools_text_on_stdout(signed_in: Authority, cli: CommandLine) -> None:
    result = cli("call", "demo", "stamp", "-", stdin=json.dumps({"text": "hi"}))

    assert (result.code, result.stderr) == (0, "")
    assert "hi" in result.stdout


def test_call_as_json_gives_the_whole_result(signed_in: Authority, cli: CommandLine) -> None:
    result = cli.here("call", "demo", "add", '{"a": 1, "b": 2}', "--json")

    assert result.code == 0
    assert (result.json["version"], result.json["tool"], result.json["is_error"]) == (1, "add", False)
    assert result.json["content"][0]["type"] == "text"


def test_a_call_that_the_server_refuses_exits_with_1_and_leads_to_the_tools(signed_in: Authority, cli: CommandLine) -> None:
    result = cli.here("call", "demo", "nonesuch")

    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.endswith("hint: handstamp tools demo\n")


def test_a_call_without_a_sign_in_exits_with_4(server: Authority, cli: CommandLine) -> None:
    result = cli.here("call", "demo", "whoami")

    assert (result.code, result.stdout) == (4, "")
    assert result.stderr.splitlines()[-1] == "hint: handstamp login demo"
    assert result.stderr.count("\n") == 2


def test_a_call_that_needs_more_access_names_the_login_for_it(authority: StartAuthority, cli: CommandLine) -> None:
    server = authority(Knobs(insufficient_scope="admin"))
    cli.here("add", "demo", server.server_url)
    cli.use_visiting_browser()
    cli.here("login", "demo")

    result = cli.here("call", "demo", "stamp", '{"text": "hi"}')

    assert result.code == 4
    assert "handstamp login demo --scope" in result.stderr
    assert "admin" in result.stderr


@pytest.mark.parametrize("arguments", ["[1]", "{", "null", '"x"'])
def test_a_call_wants_one_json_object(arguments: str, cli: CommandLine) -> None:
    result = cli.here("call", "https://mcp.example.com/mcp", "add", arguments)

    assert (result.code, result.stdout) == (2, "")
    assert "one JSON object" in result.stderr


def test_without_the_sdk_a_call_names_the_command_that_installs_it(cli: CommandLine) -> None:
    (cli.home / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'mcp' else find(name, *rest)\n"
    )

    result = cli(
        "tools", "https://mcp.example.com/mcp", environment={"PYTHONPATH": f"{cli.home}:{cli.environment['PYTHONPATH']}"}
    )

    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "hint: pip install 'handstamp[mcp]'"


def test_an_expired_token_is_renewed_by_the_next_command(signed_in: Authority, cli: CommandLine) -> None:
    before = cli.here("token", "demo").stdout
    signed_in.expire_access_tokens()

    result = cli.here("call", "demo", "whoami")

    assert result.code == 0
    assert signed_in.refreshes == 1
    assert cli.here("token", "demo").stdout != before


def test_logout_revokes_and_forgets(signed_in: Authority, cli: CommandLine) -> None:
    result = cli("logout", "demo")
    again = cli("logout", "demo")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == "✓ Revoked at 127.0.0.1 and forgotten here\n"
    assert (again.code, again.stderr) == (0, "demo was not signed in.\n")
    assert cli("token", "demo").code == 4


def test_logout_says_what_the_server_would_not_revoke(authority: StartAuthority, cli: CommandLine) -> None:
    server = authority(Knobs(no_revocation_endpoint=True))
    cli.use_visiting_browser()
    cli.here("login", server.server_url)

    result = cli.here("logout", server.server_url)

    assert (result.code, result.stdout) == (1, "")
    assert result.stderr == (
        "! Forgotten here; not revoked at 127.0.0.1: it offers no revocation\n"
        "  There it lasts until it runs out, or until you end it in the settings of your account.\n"
    )
    assert cli.here("token", server.server_url).code == 4


def test_logout_as_json_says_what_the_server_made_of_it(signed_in: Authority, cli: CommandLine) -> None:
    signed_in.turn(revocation_status=503)

    result = cli.here("logout", "demo", "--json")

    [sign_in] = result.json["sign_ins"]
    assert result.code == 3
    assert (sign_in["revoked"], sign_in["revocation"]) == (False, "unanswered")
    assert "503" in sign_in["reason"]


def test_logout_without_an_account_names_the_accounts_that_there_are(server: Authority, cli: CommandLine) -> None:
    cli.here("login", "demo", "--account", "at work")

    result = cli.here("logout", "demo")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == "demo was not signed in.\nhint: handstamp logout demo --account 'at work'\n"
    assert cli.here("token", "demo", "--account", "at work").code == 0


def test_remove_says_that_a_sign_in_is_still_stored(signed_in: Authority, cli: CommandLine) -> None:
    result = cli.here("remove", "demo")

    assert result.code == 0
    assert f"hint: handstamp logout {signed_in.server_url}" in result.stderr
    assert cli.here("token", signed_in.server_url).code == 0


def test_two_accounts_at_one_server_are_told_apart(signed_in: Authority, cli: CommandLine) -> None:
    work = cli.here("login", "demo", "--account", "work")

    assert work.code == 0
    assert cli.here("token", "demo", "--account", "work").stdout != cli.here("token", "demo").stdout
    assert "work" in cli.here("status").stdout


@pytest.mark.parametrize("command", ["token", "headers"])
def test_a_fresh_token_loads_neither_click_nor_a_client(command: str, signed_in: Authority, cli: CommandLine) -> None:
    """Decision 12: `token` with a fresh token not even loads httpx2."""
    heavy = {"anyio", "asyncio", "click", "httpx2", "keyring", "logging", "mcp", "platformdirs", "sniffio", "tomlkit"}
    body = "import sys; from handstamp.cli import run; assert run(sys.argv[1:]) == 0; sys.stderr.write(' '.join(sys.modules))"

    process = subprocess.run([sys.executable, "-c", body, command, "demo"], env=cli.environment, capture_output=True, text=True)

    assert process.returncode == 0
    assert TOKEN in process.stdout
    assert not set(process.stderr.split()) & heavy
