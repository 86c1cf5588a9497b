"""`handstamp prompts`, `prompt`, `resources`, `read`, and `tools` and `call` of a server that is a program."""

import json
import sys
from pathlib import Path

import pytest

from cli.commandline import CommandLine

PROGRAM = Path(__file__).parents[1] / "hosts" / "program.py"


@pytest.fixture
def notes(cli: CommandLine) -> CommandLine:
    """With a program that is called `notes`."""
    assert cli.here("add", "notes", "--", sys.executable, str(PROGRAM), "serve").code == 0
    return cli


def test_a_program_s_tools_are_called_by_its_name(notes: CommandLine) -> None:
    listed = notes.here("tools", "notes")
    called = notes.here("call", "notes", "add", '{"a": 1, "b": 2}')

    assert (listed.code, listed.stderr) == (0, "")
    assert "add" in listed.stdout
    assert "Add two numbers." in listed.stdout
    assert (called.code, called.stdout, called.stderr) == (0, "3\n", "")


def test_prompts_and_resources_are_listed_and_read(notes: CommandLine) -> None:
    prompts = notes.here("prompts", "notes")
    prompt = notes.here("prompt", "notes", "greet", '{"name": "Alice"}')
    resources = notes.here("resources", "notes")
    read = notes.here("read", "notes", "notes://today")

    assert prompts.stdout.split() == ["greet", "name", "Greet", "somebody."]
    assert prompt.stdout == "Greet Alice.\n"
    assert resources.stdout.split() == ["notes://today", "today"]
    assert read.stdout == "Nothing.\n"
    assert {each.code for each in (prompts, prompt, resources, read)} == {0}


def test_what_is_not_there_names_the_list(notes: CommandLine) -> None:
    prompt = notes.here("prompt", "notes", "nonesuch")
    read = notes.here("read", "notes", "notes://nowhere")

    assert (prompt.code, read.code) == (1, 1)
    assert "handstamp prompts notes" in prompt.stderr
    assert "handstamp resources notes" in read.stderr


def test_a_prompt_s_arguments_are_strings(notes: CommandLine) -> None:
    result = notes.here("prompt", "notes", "greet", '{"name": 5}', "--json")

    assert result.code == 2
    assert result.error["message"] == "Expected a string for the argument 'name' of a prompt, got a JSON int."


def test_a_program_that_does_not_start_says_why(cli: CommandLine) -> None:
    cli.here("add", "notes", "--", sys.executable, str(PROGRAM), "die")

    result = cli.here("tools", "notes", "--json")

    assert result.code == 1
    assert result.error["message"] == "notes ended before it answered. Its last words: no such option: --please"


def test_the_words_of_a_server_are_told_in_json(notes: CommandLine) -> None:
    result = notes.here("resources", "notes", "--json")

    assert json.loads(result.stdout)["resources"][0]["uri"] == "notes://today"
