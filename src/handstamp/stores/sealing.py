"""
Values sealed with AES-256-GCM, each bound to the row that it stands in.

A sealed value is one version byte, a random 96-bit nonce, and the ciphertext with its tag. What names the row (table, owner,
server, account, issuer, generation) goes in as associated data: a value that somebody copies to another row, or an older
generation that they put back under a newer number, does not open (TG5).

Random nonces are safe for some four thousand million values under one key; a vault writes a handful an hour.
"""

import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handstamp.errors import VaultCorrupt

__all__ = ["KEY_BYTES", "bind", "seal", "unseal"]

KEY_BYTES = 32

_VERSION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16


def bind(table: str, *place: str | int) -> bytes:
    """The associated data of one row. A JSON array: no two different places give the same bytes, whatever they contain."""
    return json.dumps([1, table, *place], separators=(",", ":")).encode("ascii")


def seal(key: bytes, aad: bytes, payload: bytes) -> bytes:
    """`payload`, to be opened only with the same key and the same `aad`."""
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, payload, _VERSION + aad)


def unseal(key: bytes, aad: bytes, sealed: object) -> bytes:
    """
    What was sealed; whatever a row holds may be handed in.

    Raises VaultCorrupt where a bit, the key or the place differs, without telling which.
    """
    if not isinstance(sealed, bytes) or len(sealed) < len(_VERSION) + _NONCE_BYTES + _TAG_BYTES or sealed[:1] != _VERSION:
        raise VaultCorrupt("A sealed value is cut short or of an unknown version.")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], _VERSION + aad)
    except InvalidTag as error:
        raise VaultCorrupt("A sealed value is not what was written in its place.") from error
