"""The rows of the threat model that no test can hold yet, each with the piece of work that brings it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["LATER", "Later"]

Work = Literal["conformance", "endurance", "hosts", "web"]


@dataclass(frozen=True, slots=True)
class Later:
    """A row as the page of threats shows it."""

    happens: str
    does: str
    """What Handstamp will do, in the present tense of the other rows."""
    work: Work


LATER: Mapping[str, Later] = MappingProxyType(
    {
        "TB20": Later(
            "Our own document was altered or is out of date.",
            "A command checks it; falling back to registration is a setting.",
            "conformance",
        ),
        "TC12": Later(
            "A server asks for a URL to be opened in the middle of a call.",
            "Judges it like the login's, shows it whole, waits for a yes.",
            "hosts",
        ),
        "TD18": Later(
            "Somebody makes a victim finish his login, on a platform.", "The state is bound to the person's session there.", "web"
        ),
        "TE11": Later(
            "The program is killed in the middle of a refresh.", "Loses nothing that the server allows to keep.", "endurance"
        ),
        "TE12": Later("The answer is lost after the server has rotated.", "Repeats at once with the same token.", "endurance"),
        "TE14": Later(
            "The server is out of order for long.",
            "Uses the token to its end, waits longer each time, asks for no login.",
            "endurance",
        ),
        "TE16": Later("The clock jumps.", "No early end, no endless refresh.", "endurance"),
        "TE17": Later("A laptop wakes, and five programs with it.", "One refresh, spread out.", "endurance"),
        "TE18": Later("A task is cancelled while a refresh is on its way.", "Finishes and stores it.", "endurance"),
        "TE19": Later(
            "The disk is full when the new token comes.", "Keeps it in memory, tries again, says so loudly.", "endurance"
        ),
        "TH9": Later("Metrics carry people or tokens.", "Hashes at most.", "endurance"),
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
