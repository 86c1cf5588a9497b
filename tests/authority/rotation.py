"""How long a refresh token that was spent is taken once more: what authorization servers differ in most."""

import time
from dataclasses import dataclass

from handstamp.demo.ledger import Code, Issued, Ledger, Permission

__all__ = ["HandedOut", "RotatingLedger"]


@dataclass(frozen=True, slots=True)
class HandedOut:
    """One access token, as it left the books: whether its answer arrived, nobody here knows."""

    access_token: str
    spent: str | None
    """The refresh token that it was given for; None for a sign-in."""


class RotatingLedger(Ledger):
    """
    Takes the last refresh token but one again: within `grace` seconds of its first use or, with `previous`, until its successor
    is used, as Cloudflare's library does. It then takes the place of that successor, which nobody may use any more.

    Both at rest it is strict, like the ledger that it is: every second use ends the family.
    """

    def __init__(self, *, lifetime: float) -> None:
        super().__init__(lifetime=lifetime)
        self.grace = 0.0
        self.previous = False
        self.handed_out: list[HandedOut] = []
        """In the order in which they were made."""
        self.came_again: dict[str, float] = {}
        """Refresh tokens that came once more than they were good for, and how many seconds after their first use."""
        self._first_spent: dict[str, float] = {}
        self._predecessors: dict[str, str] = {}

    def spend_code(self, code: Code, *, refreshable: bool) -> Issued | None:
        with self._lock:
            issued = super().spend_code(code, refreshable=refreshable)
            if issued is not None:
                self.handed_out.append(HandedOut(issued.access.token, None))
            return issued

    def find_refresh(self, token: str, client_id: str) -> Permission | None:
        with self._lock:
            family = self._by_refresh.get(token)
            if family is not None and self._is_taken_again(token, family.refresh_token):
                family.refresh_token = token
            elif token in self._first_spent and self.rotate:
                self.came_again.setdefault(token, self._age(token))
            return super().find_refresh(token, client_id)

    def spend_refresh(self, token: str, scopes: tuple[str, ...]) -> Issued | None:
        with self._lock:
            issued = super().spend_refresh(token, scopes)
            if issued is not None:
                self._first_spent.setdefault(token, time.monotonic())
                self.handed_out.append(HandedOut(issued.access.token, token))
                if issued.refresh_token not in (None, token):
                    self._predecessors[issued.refresh_token] = token
            return issued

    def _is_taken_again(self, token: str, newest: str | None) -> bool:
        if newest is None or self._predecessors.get(newest) != token:
            return False
        return self.previous or self._age(token) < self.grace

    def _age(self, token: str) -> float:
        return time.monotonic() - self._first_spent[token]
