"""The list of commands: complete, true, and loaded only as far as it is used."""

import inspect
import subprocess
import sys
import time

import click
import pytest

from cli.commandline import CommandLine
from fakes import make_grant
from handstamp.cli.commands import COMMANDS, _Lazy, build_group
from handstamp.vault import Vault

LOADED = "import sys; from handstamp.cli import run; code = run(sys.argv[1:]); print(code, *sorted(sys.modules))"
HEAVY = {"anyio", "asyncio", "httpx2", "keyring", "logging", "mcp", "platformdirs", "sniffio", "tomlkit"}


def real(name: str) -> click.Command:
    command = build_group().commands[name]
    assert isinstance(command, _Lazy)
    return command.load()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_is_the_first_line_of_the_commands_own_help(name: str) -> None:
    command = real(name)

    assert command.name == name
    assert inspect.cleandoc(command.help or "").splitlines()[0] == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_common_options(name: str) -> None:
    options = {option for parameter in real(name).params for option in parameter.opts}

    assert {"--json", "--color", "-v", "--verbose"} <= options


def test_no_arguments_show_the_help(cli: CommandLine) -> None:
    alone, asked, short = cli(), cli("--help"), cli("-h")

    assert alone.code == 0
    assert all(f"  {name} " in alone.stdout for name in COMMANDS)
    assert alone.stdout.strip() == asked.stdout.strip() == short.stdout.strip()


def test_the_version_goes_to_stdout(cli: CommandLine) -> None:
    result = cli("--version")

    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.startswith("handstamp ")


@pytest.mark.parametrize("arguments", ["-v --json --color never status", "status --json -v --color always"])
def test_common_options_work_before_and_after_the_command(arguments: str, cli: CommandLine) -> None:
    result = cli(*arguments.split())

    assert result.code == 0
    assert result.json["servers"] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str, cli: CommandLine) -> None:
    result = cli("completion", shell)

    assert result.code == 0
    assert "_HANDSTAMP_COMPLETE" in result.stdout


def test_names_of_servers_complete_without_a_vault(cli: CommandLine) -> None:
    cli("add", "linear", "https://mcp.linear.app/mcp")

    result = cli(
        environment={"_HANDSTAMP_COMPLETE": "bash_complete", "COMP_WORDS": "handstamp login li", "COMP_CWORD": "2"},
    )

    assert "plain,linear" in result.stdout
    assert not cli.state.exists()


@pytest.mark.parametrize("command", ["token", "headers"])
def test_a_fresh_token_loads_neither_click_nor_a_client(command: str, cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decision 12: hooks run these before each connection of an agent. Only without a grant is the server asked anything."""
    grant = make_grant(obtained_at=time.time())
    monkeypatch.setenv("HANDSTAMP_KEY", cli.environment["HANDSTAMP_KEY"])
    with Vault.open(state=cli.state, config=cli.servers_toml.parent) as vault:
        vault._parts.store.save_grant(grant)

    process = subprocess.run(
        [sys.executable, "-c", LOADED, command, grant.key.server],
        env=cli.environment,
        capture_output=True,
        text=True,
        check=True,
    )

    code, *modules = process.stdout.splitlines()[-1].split()
    assert code == "0"
    assert not set(modules) & (HEAVY | {"click"})
