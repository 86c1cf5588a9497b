"""Events in a log: `vault.subscribe(log_event)`."""

import logging

from handstamp.events import Adopted, Event, Failed, NeedsLogin
from handstamp.listeners.words import members, sentence

__all__ = ["log_event"]


def log_event(event: Event) -> None:
    """
    One line to the logger `handstamp.events`: a warning where something failed or a person is needed.

    The record's `handstamp` is the event in JSON's terms, for a formatter that writes structured lines; its `owner` is whatever
    the program calls its people.
    """
    logging.getLogger("handstamp.events").log(_level(event), "%s", sentence(event), extra={"handstamp": members(event)})


def _level(event: Event) -> int:
    match event:
        case Failed() | NeedsLogin():
            return logging.WARNING
        case Adopted():
            return logging.DEBUG
        case _:
            return logging.INFO
