"""A key as text: base64 of 32 bytes, the same form wherever a key is written down."""

import binascii
import os

from handstamp.errors import KeyUnavailable
from handstamp.stores.sealing import KEY_BYTES

__all__ = ["decode_key", "encode_key", "new_key"]

_URL_SAFE_TO_STANDARD = str.maketrans("-_", "+/")


def new_key() -> bytes:
    """A key of the length that AES-256 takes."""
    return os.urandom(KEY_BYTES)


def encode_key(key: bytes) -> str:
    """A key as text, for places that keep only text."""
    return binascii.b2a_base64(key, newline=False).decode("ascii")


def decode_key(text: str, place: str) -> bytes:
    """Standard or URL-safe alphabet, padded or not. Raises KeyUnavailable, which names `place` and never what stands there."""
    digits = text.strip().translate(_URL_SAFE_TO_STANDARD).rstrip("=")
    try:
        key = binascii.a2b_base64(digits + "=" * (-len(digits) % 4), strict_mode=True)
    except ValueError:
        raise KeyUnavailable(f"{place} is not base64: expected {KEY_BYTES} bytes in base64.") from None
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(f"{place} holds {len(key)} bytes: expected {KEY_BYTES} in base64.")
    return key
