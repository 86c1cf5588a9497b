"""The calls of this run, for doing one again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handstamp.tui.offers import Offer

__all__ = ["Call", "CallHistory"]

MAX_CALLS = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One call that has ended. Times are seconds since 1970, UTC."""

    host: str
    offer: "Offer"
    arguments: Mapping[str, object]
    at: float
    seconds: float
    outcome: str
    """In one word: `done`, `failed`, `cancelled`."""


@dataclass(slots=True)
class CallHistory:
    """The newest first; forgotten when the app ends."""

    calls: list[Call] = field(default_factory=list[Call])

    def add(self, call: Call) -> None:
        self.calls.insert(0, call)
        del self.calls[MAX_CALLS:]

    def of(self, host: str) -> list[Call]:
        """Those of one server."""
        return [call for call in self.calls if call.host == host]
