"""Writes the pages and pictures made from the code and its tests; with `--check` it only says which of them are out of date."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import cast

import click

from conformance_page import read_conformance, render_conformance
from handstamp import errors
from handstamp.cli.commands import COMMANDS, build_group
from handstamp.errors import HINTS, HandstampError
from handstamp.tui.actions import ACTIONS
from requirement_table import read_requirements, render_requirements
from threat_table import read_threats, render_threats
from tui.album import draw_pictures

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"
TESTS = DOCS.parent / "tests"

ERRORS = """\
# Errors and exit codes

<!-- Written by docs/generate.py from src/handstamp/errors.py. -->

Every failure that Handstamp raises on purpose is a `HandstampError`. Its `code` is stable and stands in JSON output; its `hint`,
where there is one, is a single command to run. Inside an MCP client the error often arrives in an exception group:
`handstamp.errors.find_error(error)` takes it out.

## Exit codes

| exit code | meaning |
|---|---|
{exit_codes}

## Errors

An indented name is a special case of the one above it: catching that catches this.

| error | `code` | exit code | when |
|---|---|---|---|
{classes}

## Hints

The commands that an error may name. Each is run through the real command line in a test.

{hints}
"""

EXIT_CODES = {
    0: "done",
    1: "failed: you stopped it, the server said no, or the server broke the protocol",
    2: "the command or a configuration file makes no sense",
    3: "the network: nobody said no",
    4: "a person has to sign in",
    5: "the vault: locked, unreachable, corrupt, or its key does not answer",
    130: "interrupted",
}

COMMAND_LINE = """\
# Command line

<!-- Written by docs/generate.py from src/handstamp/cli. -->

`handstamp COMMAND …`. What was asked for goes to stdout, everything else to stderr. [Exit codes](errors.md#exit-codes) ·
[JSON](json.md) · [configuration](configuration.md)

SERVER is the name of a server in `servers.toml`, or any server's URL.

{commands}

## Options of every command

Before or after the command's name.

{common}

`handstamp --version` shows the version.
"""

VERBATIM = "\b\n"
"""How click marks a paragraph of a help text whose lines are to stay."""


def walk(cls: type[HandstampError], depth: int = 0) -> Iterator[tuple[int, type[HandstampError]]]:
    """`cls` and all below it as they are written in `errors.py`, each with its depth."""
    yield depth, cls
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from walk(child, depth + 1)


def describe(depth: int, cls: type[HandstampError]) -> str:
    """One row of the table of errors."""
    sentence = escape(" ".join((cls.__doc__ or "").split()))
    return f"| {'&emsp;' * depth}`{cls.__name__}` | `{cls.code}` | {cls.exit_code} | {sentence} |"


def escape(text: str) -> str:
    """Text as it may stand in a cell of a table."""
    return text.replace("|", "\\|")


def render_errors() -> str:
    """The page `reference/errors.md`."""
    return ERRORS.format(
        exit_codes="\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
        classes="\n".join(describe(depth, cls) for depth, cls in walk(HandstampError)),
        hints="\n".join(f"- `{command}`" for command in HINTS.values()),
    )


def render_command_line() -> str:
    """The page `reference/command-line.md`."""
    group = build_group()
    context = click.Context(group, info_name="handstamp", help_option_names=group.context_settings["help_option_names"])
    common = [option for option in options_of(group) if "--version" not in option.opts]
    return COMMAND_LINE.format(
        commands="\n\n".join(describe_command(load_command(name), context, common) for name in COMMANDS),
        common=render_options([*common, *help_option(group, context)], context),
    )


def load_command(name: str) -> click.Command:
    """The command itself, which the command line loads only when it runs."""
    module, _ = COMMANDS[name]
    return cast("click.Command", getattr(import_module(f"handstamp.cli.{module}"), name.replace("-", "_")))


def options_of(command: click.Command) -> list[click.Option]:
    """Without its arguments and `--help`."""
    return [each for each in command.params if isinstance(each, click.Option)]


def help_option(command: click.Command, context: click.Context) -> list[click.Option]:
    """`--help`, which click adds by itself; it works after every command's name too."""
    found = command.get_help_option(context)
    return [] if found is None else [found]


def describe_command(command: click.Command, parent: click.Context, common: list[click.Option], heading: str = "##") -> str:
    """A section: what it does, how it is called, examples, its own options; below it one for each command of a group."""
    context = click.Context(command, info_name=command.name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    shared = [option.opts for option in common]
    own = [option for option in options_of(command) if option.opts not in shared]
    parts = [f"{heading} `{context.command_path}`", f"```text\n{usage}\n```", *map(render_paragraph, paragraphs(command))]
    below = command.commands.values() if isinstance(command, click.Group) else ()
    parts += [describe_command(each, context, common, f"{heading}#") for each in below]
    return "\n\n".join(parts + ([render_options(own, context)] if own else []))


def paragraphs(command: click.Command) -> list[str]:
    """Of the help text, as it is written in the code."""
    return cleandoc(command.help or "").split("\n\n")


def render_paragraph(text: str) -> str:
    """Prose as it is; lines that are to stay as a block, which is a console where they are commands of ours."""
    if not text.startswith(VERBATIM):
        return text
    lines = [line.strip() for line in text.removeprefix(VERBATIM).splitlines()]
    if any(line.startswith("handstamp ") for line in lines):
        return "\n".join(["```console", *(f"$ {line}" for line in lines), "```"])
    return "\n".join(["```text", *lines, "```"])


def render_options(options: list[click.Option], context: click.Context) -> str:
    """A table, in the order of the code."""
    rows = [record for option in options if (record := option.get_help_record(context)) is not None]
    cells = [f"| `{escape(names)}` | {escape(re.sub(r'  +', ' ', text))} |" for names, text in rows]
    return "\n".join(["| option | |", "|---|---|", *cells])


KEYS = """\
# Keys of the terminal app

<!-- Written by docs/generate.py from src/handstamp/tui/actions.py. -->

`?` shows them in the app, for what has the focus too; ctrl+p finds them by their words. The id is what
[`[app.keys]`](configuration.md#appearance-and-keys) gives other keys to.

| key | id | what it does | as a command |
|---|---|---|---|
{keys}
"""


def render_keys() -> str:
    """The table of actions."""
    rows = (
        f"| {' '.join(f'`{key}`' for key in each.keys.split(','))} | `{each.id}` | {each.tooltip} | "
        f"{'' if each.command is None else f'`{each.command}`'} |"
        for each in ACTIONS
    )
    return KEYS.format(keys="\n".join(rows))


def main(arguments: list[str]) -> int:
    """Writes the pages, or with `--check` compares them. Gives the exit code: 1 also where what they are made of is not whole."""
    threats, conformance = read_threats(TESTS / "threats"), read_conformance(TESTS / "conformance")
    requirements = read_requirements(TESTS / "requirements.toml", DOCS.parent)
    page = REFERENCE / "requirements.md"
    pages = {
        REFERENCE / "errors.md": render_errors(),
        REFERENCE / "command-line.md": render_command_line(),
        REFERENCE / "conformance.md": render_conformance(conformance),
        REFERENCE / "keys.md": render_keys(),
        DOCS / "concepts" / "threats.md": render_threats(threats),
        page: render_requirements(page.read_text("utf-8"), requirements),
        **{DOCS / "guides" / "pictures" / name: picture for name, picture in draw_pictures().items()},
    }
    problems = [f"tests/threats: {each}" for each in threats.problems]
    problems += [f"tests/conformance: {each}" for each in conformance.problems]
    problems += [f"tests/requirements.toml: {each}" for each in requirements.problems]
    for problem in problems:
        sys.stderr.write(f"{problem}.\n")
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for page in stale:
            sys.stderr.write(f"{page} is out of date: run `make docs`.\n")
        return 1 if stale or problems else 0
    for page in stale:
        page.write_text(pages[page], encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
