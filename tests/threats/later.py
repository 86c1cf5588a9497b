"""The rows of the threat model that no test can hold yet, each with the piece of work that brings it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["LATER", "Later"]

Work = Literal["conformance", "endurance", "hardening", "hosts", "web"]


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
        "TE15": Later(
            "An old backup brings an old refresh token.",
            "Notices, and asks for a login instead of going in circles.",
            "endurance",
        ),
        "TE16": Later("The clock jumps.", "No early end, no endless refresh.", "endurance"),
        "TE17": Later("A laptop wakes, and five programs with it.", "One refresh, spread out.", "endurance"),
        "TE18": Later("A task is cancelled while a refresh is on its way.", "Finishes and stores it.", "endurance"),
        "TE19": Later(
            "The disk is full when the new token comes.", "Keeps it in memory, tries again, says so loudly.", "endurance"
        ),
        "TE22": Later("The server keeps asking for another nonce.", "Answers once or twice.", "conformance"),
        "TE24": Later("A signed assertion could be used elsewhere.", "Is for the issuer, short-lived, and once.", "conformance"),
        "TF8": Later(
            "The server asks for more scopes without end.",
            "Two attempts for a resource and operation, and remembers.",
            "conformance",
        ),
        "TG1": Later(
            "The vault's directory is open to others, or theirs.", "Refuses, with the command that mends it.", "hardening"
        ),
        "TG2": Later("A file is a link, a pipe, a device.", "Refuses.", "hardening"),
        "TG3": Later("The umask is open.", "Files are 0600 and directories 0700 whatever it is.", "hardening"),
        "TG4": Later(
            "A link is swapped in between the look and the opening.",
            "Opens relative to the directory and looks at what is open.",
            "hardening",
        ),
        "TG5": Later(
            "A row is copied to another person or server.", "Is bound to its row, and does not open there.", "hardening"
        ),
        "TG6": Later(
            "The file is damaged, foreign, or of a newer version.", "A typed error; nothing is overwritten.", "hardening"
        ),
        "TG7": Later(
            "A database that was handed over does things when opened.",
            "Is never opened: an import is JSON with a schema.",
            "hardening",
        ),
        "TG8": Later(
            "A configuration that is imported runs, climbs or expands.",
            "Takes names and URLs, shows them first, runs nothing.",
            "hosts",
        ),
        "TG9": Later(
            "A project's file redirects logins.", "Counts for names of servers only, unless you trust the path.", "hardening"
        ),
        "TG10": Later(
            "Something stored is code when it is read.", "Nothing is unpickled or evaluated; a test looks for it.", "hardening"
        ),
        "TG11": Later(
            "The keychain is absent, locked or hangs.", "Waits seconds, says so, never falls back in silence.", "hardening"
        ),
        "TG12": Later("A token is too long for the keychain.", "Holds the key alone.", "hardening"),
        "TG13": Later("Copies: backups, core dumps, swap.", "Sealed in every copy; the bridge leaves no core.", "hardening"),
        "TG14": Later(
            "A secret shows in a list of processes, an environment, a history.",
            "Comes from a prompt, a file or a variable that you name; never from an argument.",
            "hardening",
        ),
        "TG15": Later("Leftovers after a kill.", "There are none to leave.", "hardening"),
        "TG16": Later(
            "A grant that was deleted is still in the file.", "Is overwritten and truncated; the server is told.", "hardening"
        ),
        "TG17": Later(
            "Stale locks, reused process numbers, forks.",
            "The kernel's locks die with their holder; a fork opens anew.",
            "endurance",
        ),
        "TG18": Later("The directory is on a network.", "Is noticed, and refused or said.", "endurance"),
        "TG19": Later("An old version runs beside a new one.", "A gate in the file keeps both safe.", "endurance"),
        "TG20": Later(
            "The key, or where it comes from, was exchanged.",
            "The header names the provider; a change is a command.",
            "hardening",
        ),
        "TG21": Later("A name of a server climbs through directories.", "Names of files are hashes.", "hardening"),
        "TG22": Later(
            "Another program of yours holds the lock forever.",
            "Reading goes on; a refresh ends with an error at its deadline.",
            "endurance",
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
