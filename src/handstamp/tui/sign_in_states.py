"""What a sign-in dialog may show, what may happen to it, and what its keys do: the words of `handstamp.tui.signing_in`."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from handstamp.errors import HandstampError
from handstamp.model import Grant, LoginPrompt

__all__ = [
    "Asked",
    "Away",
    "Closed",
    "Confirming",
    "Does",
    "Done",
    "Ended",
    "Event",
    "Failed",
    "Key",
    "NotOpened",
    "Noted",
    "Opening",
    "Prompted",
    "Prompting",
    "Refused",
    "Rejected",
    "Said",
    "Saving",
    "SavingBegan",
    "Starting",
    "State",
    "Waiting",
]


@dataclass(frozen=True, slots=True)
class Starting:
    """Discovery is under way."""


@dataclass(frozen=True, slots=True)
class Confirming:
    """Something that only a person can decide."""

    question: str


@dataclass(frozen=True, slots=True)
class Prompting:
    """Who asks for what. Nothing has opened yet."""

    prompt: LoginPrompt


@dataclass(frozen=True, slots=True)
class Opening:
    """The person has said a word: what the browser needs is being made."""

    prompt: LoginPrompt


@dataclass(frozen=True, slots=True)
class Waiting:
    """The person is in their browser, or about to be."""

    prompt: LoginPrompt
    url: str
    opened: bool
    """A browser was started."""
    obstacle: str | None
    """Why none can be, so that the person gets steps instead."""
    ends_at: float
    """When the login gives up, in seconds of the clock that runs evenly."""
    is_pasting: bool = False
    shows_link: bool = False
    said: str | None = None
    """What came of the last key."""
    rejected: str | None = None
    """Why the last address that was pasted was not it."""


@dataclass(frozen=True, slots=True)
class Saving:
    """The answer is here; until the grant is stored nothing is ready."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """It works. The grant is None where the server is open."""

    grant: Grant | None
    notes: tuple[str, ...] = ()
    was_asked: bool = True
    """False where nobody had to sign in: they had, or nobody has to."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It does not, and why."""

    error: HandstampError
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """The dialog has nothing more to show."""


State = Starting | Confirming | Prompting | Opening | Waiting | Saving | Done | Failed | Closed


class Asked(NamedTuple):
    """The login has a question."""

    question: str


class Prompted(NamedTuple):
    """The login says who asks for what, and waits for a word."""

    prompt: LoginPrompt


class Away(NamedTuple):
    """The login waits for the browser's answer."""

    prompt: LoginPrompt
    url: str
    opened: bool
    obstacle: str | None
    ends_at: float


class NotOpened(NamedTuple):
    """A browser was to open once more, and none did."""


class Rejected(NamedTuple):
    """What was pasted was not it."""

    reason: str


class Said(NamedTuple):
    """What a key came to: copied, opened again."""

    words: str


class SavingBegan(NamedTuple):
    """The answer is being exchanged."""


class Noted(NamedTuple):
    """Something about the access that was given."""

    note: str


class Ended(NamedTuple):
    """The login has come to its end: stored, or nobody guards the server."""

    grant: Grant | None


class Refused(NamedTuple):
    """The login has come to nothing."""

    error: HandstampError


class Does(Enum):
    """What a key does. A login that is under way is ended by those that leave it."""

    OPEN = auto()
    OPEN_AGAIN = auto()
    COPY_INSTEAD = auto()
    COPY_LINK = auto()
    SHOW_LINK = auto()
    HIDE_LINK = auto()
    PASTE = auto()
    TAKE = auto()
    STOP_PASTING = auto()
    YES = auto()
    NO = auto()
    NEXT = auto()
    SKIP = auto()
    RETRY = auto()
    DOCTOR = auto()
    COPY_REPORT = auto()
    CLOSE = auto()


Event = Asked | Prompted | Away | NotOpened | Rejected | Said | SavingBegan | Noted | Ended | Refused | Does


class Key(NamedTuple):
    """One key, as Textual names it, and what it does, in a word or two."""

    key: str
    label: str
    does: Does
