"""Scopes: their grammar and their union."""

import re
from typing import cast

__all__ = ["MAX_SCOPES", "OFFLINE_ACCESS", "filter_scopes", "parse_scopes", "union_scopes"]

OFFLINE_ACCESS = "offline_access"
MAX_SCOPES = 100

# RFC 6749 §3.3: visible ASCII without the quotation mark and the backslash.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")


def parse_scopes(text: str) -> tuple[str, ...]:
    """The scopes in a spaced list, each once, in order. What is no scope is left out, and all after the hundredth (TF9)."""
    return filter_scopes(text.split(" "))


def filter_scopes(values: object, limit: int = MAX_SCOPES) -> tuple[str, ...]:
    """The scopes among `values`, a list from a metadata document; anything else counts as none (TB23)."""
    if not isinstance(values, list):
        return ()
    found: dict[str, None] = {}
    for value in cast("list[object]", values):
        if len(found) == limit:
            break
        if isinstance(value, str) and _SCOPE.fullmatch(value):
            found[value] = None
    return tuple(found)


def union_scopes(*groups: tuple[str, ...]) -> tuple[str, ...]:
    """Every scope of the groups once, in the order in which it first occurs (A-114)."""
    return tuple(dict.fromkeys(scope for group in groups for scope in group))
