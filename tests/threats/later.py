"""The rows of the threat model that no test can hold yet, each with the piece of work that brings it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["LATER", "Later"]

Work = Literal["hosts", "web"]


@dataclass(frozen=True, slots=True)
class Later:
    """A row as the page of threats shows it."""

    happens: str
    does: str
    """What Handstamp will do, in the present tense of the other rows."""
    work: Work


LATER: Mapping[str, Later] = MappingProxyType(
    {
        "TD18": Later(
            "Somebody makes a victim finish his login, on a platform.", "The state is bound to the person's session there.", "web"
        ),
        "TI2": Later("It is not known for whom a request is.", "Is not sent with anybody's token.", "web"),
        "TI3": Later("Another user of the machine talks to our socket.", "Is refused by its owner and its modes.", "hosts"),
        "TI4": Later(
            "A web page talks to our local server.",
            "There is none unless you start it; then token, host and origin are checked.",
            "hosts",
        ),
        "TI5": Later("A server wants our token to hand on.", "Never.", "hosts"),
        "TI6": Later("Somebody guesses another's task or login.", "Long random ids, bound to a person.", "web"),
        "TI7": Later("One tenant floods the others.", "Limits for each, spread in time.", "web"),
        "TI8": Later("A person's id is crafted for the database.", "Is a parameter, normalised, compared by its bytes.", "web"),
        "TI9": Later("An administrator takes somebody's place.", "Needs the key and leaves a trace.", "web"),
        "TI10": Later("The database is stolen.", "Is ciphertext; the key is elsewhere.", "web"),
        "TI11": Later(
            "The database is somebody else's.", "TLS with full checks; what was altered does not open; an old row loses.", "web"
        ),
        "TI12": Later("A program that slept writes over what came after.", "Its generation is old and it loses.", "web"),
        "TI13": Later("The bridge is told to end during a refresh.", "Stores first.", "hosts"),
        "TI14": Later("A server's answer breaks the bridge.", "Is bounded, and the vault stands apart.", "hosts"),
        "TJ2": Later("A directory or a variable slips a module in.", "The bridge starts in isolation from both.", "hosts"),
        "TJ6": Later(
            "A debugger of yours reads our memory.",
            "Can be turned off where the system allows it; your own account is trusted.",
            "hosts",
        ),
    }
)
