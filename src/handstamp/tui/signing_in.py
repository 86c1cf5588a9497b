"""
The sign-ins that a dialog leads a person through, one after the other, as a pure state machine.

    starting ──→ confirming ──→ prompting ──→ opening ──→ waiting ──→ saving ──→ done ──enter──→ starting, of the next
        │            │              │            │           │           │         └─────────→ closed, where it was the last
        └────────────┴──────────────┴────────────┴───────────┴───────────┴────→ failed ──r──→ starting, of the same
                                                                                   └──s──→ starting, of the next

What a login tells its presenter and what a person presses are events; `after` gives what is shown then. What a key does besides
(answers the login, opens the browser, copies) is the dialog's part: `Does` names it, and `keys` says which of them there are.

What holds at every point:
- A browser opens by a person's key alone, after it was said who asks for what: `Does.OPEN` is a key of `Prompting`.
- Esc leads out, whatever the state. Where something lies over the dialog, that is what it takes away.
- An event that does not belong to the state changes nothing: a login that was cancelled may still have spoken.
- Whoever is not signed in when the dialog closes is dismissed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from handstamp.tui.sign_in import SignIn, SignInOutcome
from handstamp.tui.sign_in_states import (
    Asked,
    Away,
    Closed,
    Confirming,
    Does,
    Done,
    Ended,
    Event,
    Failed,
    Key,
    Noted,
    NotOpened,
    Opening,
    Prompted,
    Prompting,
    Refused,
    Rejected,
    Said,
    Saving,
    SavingBegan,
    Starting,
    State,
    Waiting,
)

__all__ = ["SigningIn", "after", "keys"]


@dataclass(frozen=True, slots=True)
class SigningIn:
    """All that a person wants to sign in to, and where they are."""

    queue: tuple[SignIn, ...]
    at: int = 0
    state: State = field(default_factory=Starting)
    signed_in: tuple[SignIn, ...] = ()

    @classmethod
    def of(cls, wanted: Sequence[SignIn]) -> "SigningIn":
        queue = tuple(wanted)
        return cls(queue) if queue else cls(queue, state=Closed())

    @property
    def current(self) -> SignIn:
        return self.queue[self.at]

    @property
    def has_next(self) -> bool:
        return self.at + 1 < len(self.queue)

    def joined_by(self, more: Sequence[SignIn]) -> "SigningIn":
        """Others need the person too: they come last."""
        return replace(self, queue=(*self.queue, *(each for each in more if each not in self.queue)))

    @property
    def outcome(self) -> SignInOutcome:
        return SignInOutcome(self.signed_in, tuple(each for each in self.queue if each not in self.signed_in))


def keys(signing: SigningIn) -> tuple[Key, ...]:
    """Those that do something now, the usual one first and the way out last."""
    skip = (Key("s", "skip", Does.SKIP),) if signing.has_next else ()
    cancel, close = Key("escape", "cancel", Does.CLOSE), Key("escape", "close", Does.CLOSE)
    match signing.state:
        case Starting() | Opening() | Saving():
            return (*skip, cancel)
        case Confirming():
            # Enter is what a person presses without reading.
            return (Key("enter", "no", Does.NO), Key("y", "yes, go on", Does.YES), *skip, cancel)
        case Prompting():
            return (Key("enter", "open browser", Does.OPEN), Key("c", "copy link", Does.COPY_INSTEAD), *skip, cancel)
        case Waiting() as waiting:
            return _keys_while_waiting(waiting, (*skip, cancel))
        case Done():
            return (Key("enter", "next" if signing.has_next else "finish", Does.NEXT), close)
        case Failed():
            reasons = (Key("d", "doctor", Does.DOCTOR), Key("y", "copy report", Does.COPY_REPORT))
            return (Key("r", "retry", Does.RETRY), *reasons, *skip, close)
        case Closed():
            return ()
        case _:
            assert_never(signing.state)


def _keys_while_waiting(waiting: Waiting, out: tuple[Key, ...]) -> tuple[Key, ...]:
    copy = Key("c", "copy link", Does.COPY_LINK)
    if waiting.is_pasting:
        return (Key("enter", "take it", Does.TAKE), Key("escape", "back", Does.STOP_PASTING))
    if waiting.shows_link:
        return (copy, Key("u", "back", Does.HIDE_LINK), Key("escape", "back", Does.HIDE_LINK))
    label = "reopen" if waiting.opened else "open browser"
    reopen = (Key("enter", label, Does.OPEN_AGAIN),) if waiting.obstacle is None else ()
    return (*reopen, copy, Key("u", "whole link", Does.SHOW_LINK), Key("v", "paste address", Does.PASTE), *out)


def after(signing: SigningIn, event: Event) -> SigningIn:
    """What is shown once that has happened."""
    if isinstance(event, Does):
        return _after_key(signing, event)
    state = _after_word(signing.state, event)
    is_new = isinstance(state, Done) and not isinstance(signing.state, Done)
    return replace(signing, state=state, signed_in=(*signing.signed_in, signing.current) if is_new else signing.signed_in)


def _after_key(signing: SigningIn, does: Does) -> SigningIn:
    if all(key.does is not does for key in keys(signing)):
        return signing
    match does:
        case Does.NEXT | Does.SKIP:
            return replace(signing, at=signing.at + 1, state=Starting()) if signing.has_next else _closed(signing)
        case Does.RETRY | Does.YES:
            return replace(signing, state=Starting())
        case Does.OPEN | Does.COPY_INSTEAD:
            asked = signing.state
            return replace(signing, state=Opening(asked.prompt)) if isinstance(asked, Prompting) else signing
        case Does.CLOSE | Does.DOCTOR:
            return _closed(signing)
        case Does.PASTE | Does.STOP_PASTING | Does.SHOW_LINK | Does.HIDE_LINK:
            return replace(signing, state=_after_look(signing.state, does))
        case Does.TAKE | Does.NO | Does.OPEN_AGAIN | Does.COPY_LINK | Does.COPY_REPORT:
            # What comes of it is for the login or the terminal to say.
            return signing
        case _:
            assert_never(does)


def _after_look(state: State, does: Does) -> State:
    if not isinstance(state, Waiting):
        return state
    return replace(state, is_pasting=does is Does.PASTE, shows_link=does is Does.SHOW_LINK, said=None)


def _after_word(
    state: State, event: Asked | Prompted | Away | NotOpened | Rejected | Said | SavingBegan | Noted | Ended | Refused
) -> State:
    match state, event:
        case (
            (Done() | Failed() | Closed()),
            (Asked() | Prompted() | Away() | Rejected() | SavingBegan() | Noted() | Ended() | Refused()),
        ):
            return state
        case _, Refused(error):
            return Failed(error)
        case Saving(notes), Ended(grant):
            return Done(grant, notes)
        case _, Ended(grant):
            return Done(grant, was_asked=False)
        case _, Asked(question):
            return Confirming(question)
        case _, Prompted(prompt):
            return Prompting(prompt)
        case Waiting(), Away():
            # It goes on after an address that was not it: what the person has opened stays.
            return replace(state, ends_at=event.ends_at)
        case _, Away(prompt, url, opened, obstacle, ends_at):
            return Waiting(prompt, url, opened, obstacle, ends_at)
        case _, SavingBegan():
            return Saving()
        case Saving(notes), Noted(note):
            return Saving((*notes, note))
        case Waiting(), NotOpened():
            return replace(state, opened=False, obstacle="none could be opened")
        case Waiting(), Rejected(reason):
            return replace(state, rejected=reason, said=None)
        case ((Waiting() | Failed()), Said(words)):
            return replace(state, said=words)
        case _:
            return state


def _closed(signing: SigningIn) -> SigningIn:
    return replace(signing, state=Closed())
