"""The key in the variable HANDSTAMP_KEY: for containers, CI and whoever has a secret manager."""

from collections.abc import Mapping

from handstamp.errors import KeyUnavailable
from handstamp.stores.keys.encoding import decode_key

__all__ = ["VARIABLE", "EnvironmentKey"]

VARIABLE = "HANDSTAMP_KEY"


class EnvironmentKey:
    """
    Set and empty is a mistake, not an absence: a secret that did not arrive in CI must not make a vault with another key.
    """

    name: str = "environment"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def describe(self) -> str:
        return f"the environment variable {VARIABLE}"

    def is_available(self) -> bool:
        return VARIABLE in self._environ

    def load(self) -> bytes | None:
        text = self._environ.get(VARIABLE)
        return None if text is None else decode_key(text, VARIABLE)

    def create(self) -> bytes:
        raise KeyUnavailable(f"{VARIABLE} is not set, and only you can set it: expected 32 bytes in base64.")
