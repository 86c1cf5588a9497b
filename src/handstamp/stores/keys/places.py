"""What stands behind a provider's name in a vault's header: which of several places or keys of its own it is."""

import os
import re
from collections.abc import Callable
from hashlib import sha256

from handstamp.errors import KeyUnavailable

__all__ = ["given_key", "identify", "new_id", "renewed_id", "require_id"]

_ID = re.compile(r"[0-9a-f]{16}")


def new_id() -> str:
    """For a place that nothing has been kept in yet."""
    return os.urandom(8).hex()


def identify(key: bytes) -> str:
    """Which key it is, for who has several. Tells nothing of the key."""
    return sha256(b"handstamp key\0" + key).hexdigest()[:16]


def require_id(name: str, place: str) -> str:
    """`place` as it came from a header, which somebody else may have written. It becomes part of a file's name."""
    if not _ID.fullmatch(place):
        raise KeyUnavailable(f"The vault's header names no place that the provider {name} has: expected 16 hexadecimal digits.")
    return place


def given_key(place: str, usual: Callable[[], bytes | None], new: Callable[[], bytes | None]) -> bytes | None:
    """
    Of the two keys that a person gives, the one that the header names; without a name the usual one.

    So a new key can be given beside the old one before a rekey, and programs that run go on working after it.
    """
    key = usual()
    if place and (key is None or identify(key) != place):
        other = new()
        return other if other is not None and identify(other) == place else key
    return key


def renewed_id(usual: Callable[[], bytes | None], new: Callable[[], bytes | None]) -> str | None:
    """Of the key that a person gives for a rekey; None where there is none."""
    key = new() or usual()
    return None if key is None else identify(key)
