"""The reference is whole: every command, option, key, variable and error of the code has its place in it."""

import ast
import json
import re
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest

from authority import DemoServers
from commands import Home
from handstamp.cli.commands import COMMANDS
from handstamp.errors import HandstampError
from handstamp.settings import EVENT_KEYS, PROGRAM_KEYS, SERVER_KEYS, TOP_KEYS
from handstamp.settings.app import APP_KEYS
from source_tree import REPOSITORY, calls, dotted_name, modules

REFERENCE = REPOSITORY / "docs" / "reference"
COMMAND_LINE = (REFERENCE / "command-line.md").read_text("utf-8")
CONFIGURATION = (REFERENCE / "configuration.md").read_text("utf-8")
ERRORS = (REFERENCE / "errors.md").read_text("utf-8")
JSON = (REFERENCE / "json.md").read_text("utf-8")

OPAQUE = {"inputSchema", "outputSchema", "structured_content"}
"""Members that are the server's own."""
TELL_SECRETS = ("token", "headers")
"""What only programs of their own may say in a test."""


def section(page: str, title: str) -> str:
    """What stands below one heading of the second level."""
    _, found, rest = page.partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]


def options(command: str) -> list[str]:
    """As the real command takes them, and the commands below it."""
    module, _ = COMMANDS[command]
    loaded: click.Command = getattr(import_module(f"handstamp.cli.{module}"), command.replace("-", "_"))
    below = loaded.commands.values() if isinstance(loaded, click.Group) else ()
    parameters = [each for command in (loaded, *below) for each in command.params]
    return ["-h", "--help", *(name for each in parameters if isinstance(each, click.Option) for name in each.opts)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_in_the_reference(command: str) -> None:
    text = section(COMMAND_LINE, f"`handstamp {command}`") + section(COMMAND_LINE, "Options of every command")

    assert [name for name in options(command) if not re.search(rf"[`\s]{name}[`,\s]", text)] == []


@pytest.mark.parametrize(
    "key",
    [*SERVER_KEYS, *PROGRAM_KEYS, *EVENT_KEYS, *APP_KEYS, *sorted({*TOP_KEYS} - {"servers", "events", "app"})],
)
def test_every_key_of_servers_toml_is_in_the_reference(key: str) -> None:
    assert f"\n| `{key}` |" in CONFIGURATION


PROGRAM = REPOSITORY / "tests" / "hosts" / "program.py"


def variables() -> set[str]:
    """Every variable of ours that the source names, and every one that it reads by a literal name."""
    found: set[str] = set()
    for module in modules():
        found |= {
            name
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            for name in re.findall(r"\b_?HANDSTAMP_[A-Z_]+\b", node.value)
        }
        found |= {
            call.args[0].value
            for call in calls(module.tree)
            if dotted_name(call.func).endswith(("environ.get", "self._has"))
            and call.args
            and isinstance(call.args[0], ast.Constant)
            and isinstance(call.args[0].value, str)
        }
    return found | {"XDG_CONFIG_HOME", "XDG_STATE_HOME", "CREDENTIALS_DIRECTORY"}


def test_every_variable_that_is_read_is_in_the_reference() -> None:
    table = section(CONFIGURATION, "Environment")

    assert {"HANDSTAMP_KEY", "BROWSER", "NO_COLOR"} <= variables()
    assert {name for name in variables() if f"`{name}`" not in table} == set()


def every_error(cls: type[HandstampError]) -> list[type[HandstampError]]:
    return [cls, *(below for child in cls.__subclasses__() for below in every_error(child))]


def test_every_error_code_is_in_the_reference() -> None:
    ours = [cls for cls in every_error(HandstampError) if cls.__module__ == "handstamp.errors"]

    assert [cls.code for cls in ours if f"`{cls.code}` | {cls.exit_code} |" not in ERRORS] == []


def test_the_generated_pages_are_up_to_date() -> None:
    spec = spec_from_file_location("generate", REPOSITORY / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    assert module.main(["--check"]) == 0


def shape(value: Any) -> Any:
    """Its members, all the way down; of a list those of its first element; of all else nothing."""
    if isinstance(value, dict):
        return {key: None if key in OPAQUE else shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value[:1]]
    return None


def documented(command: str) -> Any:
    found = re.search(rf"^##+ `handstamp {command}`\n[^#]*?^```json\n(.*?)^```", JSON, re.MULTILINE | re.DOTALL)
    assert found is not None, command
    return json.loads(found[1])


def test_every_command_answers_in_the_json_that_is_documented(tmp_path: Path, demo_servers: DemoServers) -> None:
    home = Home(tmp_path)
    home.use_browser()
    document = tmp_path / "client.json"
    journey = {
        "add": ["linear", demo_servers.server_url],
        "disable": ["linear"],
        "enable": ["linear"],
        "login": ["linear"],
        "refresh": ["linear"],
        "doctor": ["linear"],
        "status": [],
        "token": ["linear"],
        "headers": ["linear"],
        "tools": ["linear"],
        "call": ["linear", "add", '{"a": 1, "b": 2}'],
        "prompts": ["notes"],
        "prompt": ["notes", "greet", '{"name": "Alice"}'],
        "resources": ["notes"],
        "read": ["notes", "notes://today"],
        "remove": ["linear"],
        "logout": [demo_servers.server_url],
        "client-id create": ["https://example.com/handstamp/client.json", "--out", str(document)],
        "client-id check": [str(document)],
        "vault path": [],
        "vault check": [],
        "vault backup": [str(tmp_path / "vault.backup")],
        "vault restore": ["--yes", str(tmp_path / "vault.backup")],
        "vault rekey": ["--to", "file", "--yes"],
    }
    home.here("add", "files", "--", "files")
    home.here("add", "notes", "--", sys.executable, str(PROGRAM), "serve")
    refused = home.here("status", "nobody", "--json")

    for command, arguments in journey.items():
        ask = home.run if command in TELL_SECRETS else home.here
        answer = json.loads(ask(*command.split(), *arguments, "--json").stdout)

        assert shape(answer) == shape(documented(command)), command
        assert list(answer) == list(documented(command)), command
    error = re.search(r"^\{\"version.*$", JSON, re.MULTILINE)
    assert error is not None
    assert shape(json.loads(refused.stderr)) == shape(json.loads(error[0]))
    assert set(COMMANDS) - {command.split()[0] for command in journey} == {"completion"}


def test_the_commands_of_the_reference_stand_in_the_order_of_the_help() -> None:
    places = [COMMAND_LINE.index(f"\n## `handstamp {command}`\n") for command in COMMANDS]

    assert all(one < other for one, other in pairwise(places))
