"""Secrets that this run has sent, and texts without them."""

from collections.abc import Callable, Iterable

from handstamp.model import Secret
from handstamp.protocol.text import mask

__all__ = ["Hidden", "Mask"]

Mask = Callable[[str], str]
"""Gives a text without the secrets that it holds."""


class Hidden:
    """Hears of each secret before it is sent. Safe to use from any thread."""

    def __init__(self) -> None:
        self._secrets: frozenset[Secret] = frozenset()

    def hide(self, secrets: Iterable[Secret]) -> None:
        self._secrets = self._secrets.union(secrets)

    def mask(self, text: str) -> str:
        """`text` with `***` for each of them (TF13)."""
        return mask(text, self._secrets)
