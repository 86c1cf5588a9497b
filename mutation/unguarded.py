"""The rows of the threat model that have a test and nothing in `src/handstamp` to take out, each with the reason."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["UNGUARDED"]

UNGUARDED: Mapping[str, str] = MappingProxyType(
    {
        "TB16": "Nothing reads the address, so there is no refusal to take out.",
        "TG12": "Nothing hands a token to the keychain, whatever its length; only the key's provider knows of one.",
        "TJ1": "The hashes stand in requirements/, and the installer compares them.",
        "TJ4": "The list of dependencies stands in pyproject.toml, and its second copy is the test itself.",
    }
)
