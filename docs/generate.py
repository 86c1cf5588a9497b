"""Writes the reference pages that are made from the code; with `--check` it only says which of them are out of date."""

import sys
from collections.abc import Iterator
from pathlib import Path

from handstamp import errors
from handstamp.errors import HINTS, HandstampError

REFERENCE = Path(__file__).parent / "reference"

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
    1: "failed: the login was stopped, the server said no, or the server broke the protocol",
    2: "the command or a configuration file makes no sense",
    3: "the network: nobody said no, and nothing stored was touched",
    4: "a person has to sign in",
    5: "the vault: locked, unreachable, corrupt, or its key does not answer",
    8: "pending: a login was begun and not completed",
    130: "interrupted",
}


def walk(cls: type[HandstampError], depth: int = 0) -> Iterator[tuple[int, type[HandstampError]]]:
    """`cls` and all below it as they are written in `errors.py`, each with its depth."""
    yield depth, cls
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from walk(child, depth + 1)


def describe(depth: int, cls: type[HandstampError]) -> str:
    """One row of the table of errors."""
    sentence = " ".join((cls.__doc__ or "").split()).replace("|", "\\|")
    return f"| {'&emsp;' * depth}`{cls.__name__}` | `{cls.code}` | {cls.exit_code} | {sentence} |"


def render_errors() -> str:
    """The page `reference/errors.md`."""
    return ERRORS.format(
        exit_codes="\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
        classes="\n".join(describe(depth, cls) for depth, cls in walk(HandstampError)),
        hints="\n".join(f"- `{command}`" for command in HINTS.values()),
    )


def main(arguments: list[str]) -> int:
    """Writes the pages, or with `--check` compares them. Gives the exit code."""
    pages = {REFERENCE / "errors.md": render_errors()}
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for page in stale:
            sys.stderr.write(f"{page} is out of date: run `make docs`.\n")
        return 1 if stale else 0
    for page in stale:
        page.write_text(pages[page], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
