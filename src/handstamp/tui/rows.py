"""One line of the list of servers: connection, sign-in and settings together; and how lines are filtered and sorted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from handstamp.hosts.state import ConnectionState, ConnectionStatus
from handstamp.hosts.target import HttpTarget, ProgramTarget, Target, target_key
from handstamp.model import Grant
from handstamp.standing import Standing
from handstamp.tui.sign_in import SignIn
from handstamp.words import renewal_words, who

__all__ = ["ORDERS", "Row", "arrange", "glyph", "tone", "words"]

_WORDS = {
    ConnectionStatus.DISABLED: ("–", "disabled", "foreground-muted"),
    ConnectionStatus.STARTING: ("◌", "starting", "primary"),
    ConnectionStatus.CONNECTED: ("●", "connected", "success"),
    ConnectionStatus.NEEDS_LOGIN: ("○", "needs login", "error"),
    ConnectionStatus.NEEDS_MORE_ACCESS: ("▲", "needs more access", "warning"),
    ConnectionStatus.UNREACHABLE: ("✗", "unreachable", "error"),
    ConnectionStatus.ERROR: ("!", "error", "error"),
}
_URGENCY = (
    ConnectionStatus.NEEDS_LOGIN,
    ConnectionStatus.NEEDS_MORE_ACCESS,
    ConnectionStatus.ERROR,
    ConnectionStatus.UNREACHABLE,
    ConnectionStatus.STARTING,
    ConnectionStatus.CONNECTED,
    ConnectionStatus.DISABLED,
)
"""What needs you comes first."""


def glyph(status: ConnectionStatus) -> str:
    """A sign that stands for the words where colours do not."""
    return _WORDS[status][0]


def words(status: ConnectionStatus) -> str:
    """What a person reads."""
    return _WORDS[status][1]


def tone(status: ConnectionStatus) -> str:
    """The name of a theme's colour."""
    return _WORDS[status][2]


@dataclass(frozen=True, slots=True)
class Row:
    """One server and one account there. `state` is the connection's; what is stored of the sign-in is in `standings`."""

    target: Target
    state: ConnectionState
    standings: tuple[Standing, ...] = ()
    """Of this account: the one in use, and former ones."""
    others: tuple[Standing, ...] = ()
    """Of other accounts at the same server."""
    is_configured: bool = True

    @property
    def key(self) -> str:
        return target_key(self.target)

    @property
    def url(self) -> str | None:
        """None for a program."""
        return self.target.url if isinstance(self.target, HttpTarget) else None

    @property
    def account(self) -> str:
        return "default" if isinstance(self.target, ProgramTarget) else self.target.account

    @property
    def sign_in(self) -> SignIn:
        """What it needs."""
        return SignIn(self.target.name, self.account, self.state.scopes)

    @property
    def standing(self) -> Standing | None:
        return next((each for each in self.standings if not each.is_former), None)

    @property
    def grant(self) -> Grant | None:
        return None if self.standing is None else self.standing.grant

    def account_words(self) -> str:
        return "—" if self.grant is None else who(self.grant) or "—"

    def renewal_words(self, now: float) -> str:
        return "—" if self.grant is None else renewal_words(self.grant, now)

    def says(self, word: str) -> bool:
        """Whether a word stands in what the list shows of it."""
        shown = (self.key, words(self.state.status), self.account_words(), self.url or "")
        return any(word.casefold() in text.casefold() for text in shown)


def _by_renewal(row: Row) -> tuple[float, str]:
    ends_at = None if row.grant is None else row.grant.renew_from() or row.grant.token.expires_at
    return (float("inf") if ends_at is None else ends_at, row.key)


ORDERS: "dict[str, Callable[[Row], Any]]" = {
    "settings": lambda _: 0,
    "name": lambda row: row.key.casefold(),
    "status": lambda row: (_URGENCY.index(row.state.status), row.key.casefold()),
    "account": lambda row: (row.account_words().casefold(), row.key.casefold()),
    "renewal": _by_renewal,
}
"""The first is the order of `servers.toml`."""


def arrange(rows: Iterable[Row], *, wanted: str = "", order: str = "settings") -> Sequence[Row]:
    """Those that say every word of `wanted` and none that stands there after a `!`, in an order of `ORDERS`."""
    kept = [row for row in rows if all(_fits(row, word) for word in wanted.split())]
    return sorted(kept, key=ORDERS[order])


def _fits(row: Row, word: str) -> bool:
    # A mark alone is the beginning of a word that is still being typed.
    return word == "!" or (not row.says(word[1:]) if word.startswith("!") else row.says(word))
