"""The text of `servers.toml`, and the document in it."""

import re
import tomllib
from pathlib import Path

from handstamp.errors import SettingsError, StoreUnreachable
from handstamp.stores.private_files import read_trusted

__all__ = ["parse_toml", "read_settings"]

LARGEST_FILE = 256 * 1024
"""Bytes. A server takes some two hundred."""

MOST_PARTS = 16
KEY_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?)"""
LONG_TEXT = r'''"""(?:[^"\\]|\\[\s\S]|""?(?!"))*+"{0,5}|'{3}(?:[^']|''?(?!'))*+'{0,5}'''
TOKEN = re.compile(rf"#[^\n]*+|{LONG_TEXT}|(?P<deep>(?:{KEY_PART}[ \t]*+\.[ \t]*+){{{MOST_PARTS}}})|{KEY_PART}")
"""
Comments, texts and keys; `deep` is what `tomllib` takes the square of its length for: a few kilobytes would keep it for seconds.

A text that does not end goes on as far as it can: `tomllib` reads nothing after it, and no character is looked at too often.
"""


def read_settings(path: Path) -> str:
    """The text of the file; empty without one. Raises SettingsError where somebody else could have written it (TG2, TG4, TG8)."""
    try:
        return read_trusted(path, LARGEST_FILE).decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise SettingsError(f"Expected UTF-8 in {path}, got something else at byte {error.start}.") from error
    except StoreUnreachable as error:
        raise SettingsError(f"Expected to read {path}, got: {error.message}", hint=error.hint) from error


def parse_toml(path: Path, text: str) -> dict[str, object]:
    """The document. Raises SettingsError with file and place."""
    for token in TOKEN.finditer(text):
        if token["deep"]:
            line = text.count("\n", 0, token.start()) + 1
            raise SettingsError(f"Expected keys of a few parts in {path}, got one of more than {MOST_PARTS} in line {line}.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"Expected TOML in {path}, got an error: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"Expected TOML in {path}, got a number or a nesting without end.") from error
