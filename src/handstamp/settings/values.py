"""What single settings have to be like, in the file and on the command line. Each raises UsageError where one is not."""

import re
from collections.abc import Sequence
from pathlib import Path

from handstamp.errors import UsageError
from handstamp.protocol.text import safe

__all__ = [
    "NAME_PATTERN",
    "RESERVED",
    "is_header_value",
    "require_command",
    "require_directory",
    "require_header",
    "require_name",
    "require_variable",
]

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
RESERVED = ("authorization", "host", "content-length")
"""Headers of an MCP server's that are ours."""
PLACES = ("env:", "file:")
"""How a value begins that says where it is read at each use."""


def require_name(name: str) -> str:
    """A server's name as it may stand in commands and in TOML keys."""
    if NAME_PATTERN.fullmatch(name) is None:
        raise UsageError(f"Expected a name of letters, digits, '-', '_' and '.', at most 64, got {name!r}.")
    return name


def require_header(name: str, value: object, *, reserved: Sequence[str] = RESERVED) -> str:
    """A header that may go to the MCP server, where `Authorization` is ours, or elsewhere."""
    if re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is None or name.lower() in reserved:
        raise UsageError(f"Expected the name of a header other than {reserved[0].title()}, got {name!r}.")
    if not isinstance(value, str) or not is_header_value(value):
        raise UsageError(f"Expected visible ASCII as the value of the header {name}.")
    return _require_place(value, f"the header {name}")


def is_header_value(value: str) -> bool:
    """Visible ASCII: nothing that could end a header, or that servers read in different ways."""
    return value.isprintable() and value.isascii()


def require_variable(name: str, value: object) -> str:
    """An environment variable that a program gets. What is wrong with its value is not repeated: it may be a secret."""
    if re.fullmatch(r"[!-<>-~]+", name) is None:
        raise UsageError(f"Expected the name of an environment variable, got {name!r}.")
    if not isinstance(value, str) or "\0" in value:
        raise UsageError(f"Expected a string as the value of the environment variable {name}.")
    return _require_place(value, f"the environment variable {name}")


def _require_place(value: str, what: str) -> str:
    if value in PLACES:
        raise UsageError(f"Expected {value}… to name where {what} is, got nothing after the colon.")
    return value


def require_command(arguments: Sequence[str]) -> tuple[str, ...]:
    """A relative path would be another program in each directory, also in a project of somebody else's (TG9)."""
    if not arguments or not arguments[0] or any("\0" in each for each in arguments):
        raise UsageError("Expected command to be a list: the program and its arguments, got something else.")
    program = arguments[0]
    is_path = "/" in program or "\\" in program
    if is_path and not _is_the_same_everywhere(program):
        raise UsageError(f"Expected command to begin with a name, an absolute path, or one from ~, got {safe(program)}.")
    return tuple(arguments)


def require_directory(value: str, what: str) -> str:
    """Where a program runs: the same place wherever it is started from (TG9)."""
    if "\0" in value or not _is_the_same_everywhere(value):
        raise UsageError(f"Expected {what} to be an absolute path, or one from ~, got {safe(value)}.")
    return value


def _is_the_same_everywhere(path: str) -> bool:
    return path.startswith("~") or Path(path).is_absolute()
