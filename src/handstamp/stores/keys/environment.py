"""The key in the variable HANDSTAMP_KEY: for containers, CI and whoever has a secret manager."""

from collections.abc import Mapping

from handstamp.errors import KeyUnavailable, hint
from handstamp.stores.keys.encoding import decode_key
from handstamp.stores.keys.places import given_key, renewed_id, require_id

__all__ = ["NEW_VARIABLE", "VARIABLE", "EnvironmentKey"]

VARIABLE = "HANDSTAMP_KEY"
NEW_VARIABLE = "HANDSTAMP_NEW_KEY"


class EnvironmentKey:
    """
    Set and empty is a mistake, not an absence: a secret that did not arrive in CI must not make a vault with another key.

    After a rekey `place` says which key it is, in whichever of the two variables.
    """

    name: str = "environment"

    def __init__(self, environ: Mapping[str, str], place: str = "") -> None:
        self._environ = environ
        self.place = place

    def at(self, place: str) -> "EnvironmentKey":
        return EnvironmentKey(self._environ, require_id(self.name, place))

    def describe(self) -> str:
        return f"the environment variable {VARIABLE}"

    def is_available(self) -> bool:
        return VARIABLE in self._environ

    def load(self) -> bytes | None:
        return given_key(self.place, lambda: self._read(VARIABLE), lambda: self._read(NEW_VARIABLE))

    def create(self) -> bytes:
        raise KeyUnavailable(f"{VARIABLE} is not set, and only you can set it: expected 32 bytes in base64.")

    def renew(self) -> "EnvironmentKey":
        place = renewed_id(lambda: self._read(VARIABLE), lambda: self._read(NEW_VARIABLE))
        if place is None:
            raise KeyUnavailable(
                f"{NEW_VARIABLE} is not set, and only you can set it: expected 32 new bytes in base64.", hint=hint("new_key")
            )
        return EnvironmentKey(self._environ, place)

    def discard(self) -> None:
        """It is the person's."""

    def _read(self, variable: str) -> bytes | None:
        text = self._environ.get(variable)
        return None if text is None else decode_key(text, variable)
