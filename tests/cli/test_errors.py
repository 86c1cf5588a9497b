"""Whatever goes wrong: one `error:` line, one `hint:` line, an exit code, and no traceback."""

import signal
import tomllib
from pathlib import Path

import pytest

from authority import Knobs, StartAuthority
from cli.commandline import CommandLine
from handstamp.cli import run

URL = "http://127.0.0.1:9/mcp"


@pytest.mark.parametrize(("signalled", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_that_comes_amid_a_lock_of_python_s_is_no_failure_of_ours(
    signalled: BaseException, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(text: str) -> object:
        try:
            raise signalled
        finally:
            raise RuntimeError("release unlocked lock")

    (tmp_path / "servers.toml").write_text("")
    monkeypatch.setenv("HANDSTAMP_CONFIG_DIR", str(tmp_path))
    monkeypatch.setattr(tomllib, "loads", interrupted)

    ended_with = run(["token", "demo"])

    assert ended_with == code
    assert capsys.readouterr() == ("", "")


def test_an_unknown_command_names_the_nearest_and_exits_with_2(cli: CommandLine) -> None:
    result = cli.here("logn")

    assert result.code == 2
    assert result.stdout == ""
    assert result.stderr == "error: No such command 'logn'. (Did you mean one of: 'login', 'logout'?)\nhint: handstamp --help\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "login",
        "login a b",
        "login --nope a",
        "login --account",
        "add",
        "add a",
        "add a b",
        f"add a/b {URL}",
        f"add a {URL} --callback-port x",
        f"add a {URL} --header Host:x",
        "token",
        "token http://mcp.example.com/mcp",
        "headers ftp://mcp.example.com/mcp",
        "tools http://mcp.example.com/mcp",
    ],
)
def test_a_usage_error_names_the_commands_own_help(cli: CommandLine, arguments: str) -> None:
    result = cli.here(*arguments.split())

    lines = result.stderr.splitlines()
    assert result.code == 2
    assert result.stdout == ""
    assert [line.partition(":")[0] for line in lines] == ["error", "hint"]
    assert lines[1] == f"hint: handstamp {arguments.split()[0]} --help"


@pytest.mark.parametrize("arguments", ["--json nope", "nope --json", "token --json", "token nope --json"])
def test_with_json_an_error_is_one_object_on_stderr(cli: CommandLine, arguments: str) -> None:
    result = cli.here(*arguments.split())

    assert result.code == 2
    assert result.stdout == ""
    assert set(result.error) == {"code", "message", "hint", "next_step"}
    assert result.error["code"] == "usage"
    assert result.error["next_step"] == result.error["hint"]


@pytest.mark.parametrize("command", ["token", "headers"])
def test_without_a_sign_in_the_exit_code_is_4_and_the_command_is_named(command: str, cli: CommandLine) -> None:
    cli.here("add", "demo", URL)

    result = cli.here(command, "demo")

    assert (result.code, result.stdout) == (4, "")
    assert result.stderr == "error: demo is not signed in yet.\nhint: handstamp login demo\n"


def test_a_dead_host_exits_with_3(cli: CommandLine) -> None:
    result = cli.here("login", URL)

    assert (result.code, result.stdout) == (3, "")
    assert result.stderr.splitlines()[-1] == f"hint: handstamp doctor {URL}"
    assert result.stderr.count("\n") == 2


def test_a_vault_that_is_no_vault_exits_with_5_and_is_left_alone(cli: CommandLine) -> None:
    cli.state.mkdir(mode=0o700)
    vault = cli.state / "vault.db"
    vault.write_bytes(b"This is not a database of anybody's. " * 100)
    vault.chmod(0o600)
    before = vault.read_bytes()

    result = cli.here("token", URL)

    assert (result.code, result.stdout) == (5, "")
    assert vault.read_bytes() == before
    assert "Traceback" not in result.stderr


def test_settings_that_are_no_toml_exit_with_2_and_name_the_file(cli: CommandLine) -> None:
    cli.servers_toml.parent.mkdir()
    cli.servers_toml.write_text("[servers\n")

    result = cli.here("status")

    assert (result.code, result.stdout) == (2, "")
    assert str(cli.servers_toml) in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupt_exits_with_130_and_says_nothing(cli: CommandLine, authority: StartAuthority) -> None:
    """The bad input of issue 2: Ctrl-C at every point."""
    server = authority()

    with cli.start("login", server.server_url, "--no-browser") as process:
        assert process.stderr is not None
        while "response_type=code" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        code = process.wait()

    assert code == 130
    assert rest.strip() == ""
    assert cli.here("token", server.server_url).code == 4


def test_an_interrupt_while_the_code_is_exchanged_loses_nothing(cli: CommandLine, authority: StartAuthority) -> None:
    """W16: the login can simply be started again."""
    server = authority(Knobs(token_status="hang"))
    cli.use_visiting_browser()

    with cli.start("login", server.server_url) as process:
        assert process.stderr is not None
        assert server.token_request_arrived.wait(20)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        code = process.wait()
    server.turn(token_status=None)

    assert code == 130
    assert "error:" not in said
    assert "Traceback" not in said
    assert cli.here("login", server.server_url).code == 0


def test_a_reader_that_leaves_is_no_error(cli: CommandLine) -> None:
    with cli.start("--help") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait()

    assert code == 141
    assert said == ""


def test_a_failure_of_our_own_is_one_sentence_and_with_v_a_traceback(cli: CommandLine) -> None:
    (cli.home / "sitecustomize.py").write_text("import handstamp.settings as s\ns.load_settings = lambda directory=None: 1 / 0\n")
    environment = {"PYTHONPATH": f"{cli.home}:{cli.environment['PYTHONPATH']}"}

    plain = cli("remove", "x", environment=environment)
    verbose = cli("-v", "remove", "x", environment=environment)

    assert (plain.code, plain.stdout) == (1, "")
    assert plain.stderr == "error: Handstamp itself failed: ZeroDivisionError (-v shows where).\nhint: handstamp status\n"
    assert "Traceback" in verbose.stderr
