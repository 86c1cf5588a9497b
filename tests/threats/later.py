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
        "TC1": Later(
            "The address to open is a script, a file, a foreign scheme.",
            "Opens https, and http on loopback; nothing else.",
            "hardening",
        ),
        "TC2": Later(
            "It carries what a shell would run.",
            "Builds it anew from checked parts, escapes the rest, and starts the browser without a shell.",
            "hardening",
        ),
        "TC3": Later("It begins like an option of the browser.", "Starts with `https://` or is refused.", "hardening"),
        "TC4": Later("`$BROWSER` holds a shell line.", "Starts a program with one argument, or none.", "hardening"),
        "TC5": Later("The endpoint already has a `state`, a `redirect_uri`, a fragment.", "Refuses.", "hardening"),
        "TC6": Later(
            "The host is dressed up: userinfo, look-alike letters.",
            "Refuses userinfo, shows the host as it is on the wire.",
            "hardening",
        ),
        "TC7": Later("The address is a megabyte long.", "Caps it.", "hardening"),
        "TC8": Later("A secret could get into the address.", "Puts none there.", "hardening"),
        "TC9": Later(
            "State or verifier could be guessed or used again.", "256 bits from the system, once, for one login.", "hardening"
        ),
        "TC10": Later("A login is wanted where nobody is.", "Opens nothing; says what to run.", "hardening"),
        "TC11": Later(
            "A server brings up one login after the other.",
            "Begins a login only when a person does; one at a time for a server.",
            "hardening",
        ),
        "TC12": Later(
            "A server asks for a URL to be opened in the middle of a call.",
            "Judges it like the login's, shows it whole, waits for a yes.",
            "hosts",
        ),
        "TC13": Later("`resource` is missing, or spelled in different ways.", "Sends one spelling in all requests.", "hardening"),
        "TD18": Later(
            "Somebody makes a victim finish his login, on a platform.", "The state is bound to the person's session there.", "web"
        ),
        "TE1": Later(
            "A token request is redirected to another origin.", "Follows no redirect with a secret in the request.", "hardening"
        ),
        "TE2": Later("It is redirected into a GET.", "The same.", "hardening"),
        "TE3": Later("The token is of another type, or would break a header.", "Refuses.", "hardening"),
        "TE4": Later(
            "Its lifetime is negative, endless, a word.",
            'Takes a number, also as a string; anything else is "unknown".',
            "hardening",
        ),
        "TE5": Later("A success carries an error, or a web page.", "A typed error.", "hardening"),
        "TE6": Later("A refresh brings no new refresh token.", "Keeps the old one.", "hardening"),
        "TE7": Later(
            "The granted scopes are not those that were asked for.",
            "Stores what was granted, and says so where it is more.",
            "hardening",
        ),
        "TE8": Later("The token is meant for something else.", "Notices where it can be seen, and says so.", "hardening"),
        "TE9": Later("Many programs and tasks meet an expired token at once.", "Sends one refresh.", "hardening"),
        "TE10": Later(
            "A program that came late is told `invalid_grant`.",
            "Looks again, takes the newer token, forgets nothing.",
            "hardening",
        ),
        "TE11": Later(
            "The program is killed in the middle of a refresh.", "Loses nothing that the server allows to keep.", "endurance"
        ),
        "TE12": Later("The answer is lost after the server has rotated.", "Repeats at once with the same token.", "endurance"),
        "TE13": Later(
            "A thousand calls use a token that was refused for good.", "Asks once and remembers the refusal.", "hardening"
        ),
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
        "TE20": Later("The server forgot a dynamic client.", "Registers anew; a person signs in.", "endurance"),
        "TE21": Later("A client's secret ends.", "Registers anew before it does.", "hardening"),
        "TE22": Later("The server keeps asking for another nonce.", "Answers once or twice.", "conformance"),
        "TE23": Later(
            "Revocation is elsewhere, or out of order.",
            "Tries it, forgets the grant here in any case, says what happened.",
            "hardening",
        ),
        "TE24": Later("A signed assertion could be used elsewhere.", "Is for the issuer, short-lived, and once.", "conformance"),
        "TF1": Later("The server redirects to another origin.", "The header stays behind.", "hardening"),
        "TF2": Later("The other origin is only another port, or http.", "That is another origin.", "hardening"),
        "TF3": Later("An event stream names a foreign endpoint.", "No token goes there.", "hardening"),
        "TF4": Later(
            "A foreign challenge hides our parameters in a quoted string.",
            "Reads challenges by their grammar; Bearer and DPoP only.",
            "hardening",
        ),
        "TF5": Later("A description contains something that looks like a scope.", "The same.", "hardening"),
        "TF6": Later("The header is broken, endless, many.", "Linear time, a bound, and broken parts are left out.", "hardening"),
        "TF7": Later("The server answers 401 whatever it gets.", "One refresh, then the answer stands.", "hardening"),
        "TF8": Later(
            "The server asks for more scopes without end.",
            "Two attempts for a resource and operation, and remembers.",
            "conformance",
        ),
        "TF9": Later("A challenge wants five hundred scopes.", "Bounds them, shows what is new.", "conformance"),
        "TF10": Later("A public server says 401 now and then.", "Does not change its mind at each.", "hardening"),
        "TF11": Later(
            "The metadata's address is on another origin.", "Counts only if the document is about this server.", "hardening"
        ),
        "TF12": Later("The server wants the token in the URL.", "Never.", "hardening"),
        "TF13": Later("The server repeats our header in its answer.", "Is masked in everything that we show.", "hardening"),
        "TF14": Later("Values of the server would add headers.", "Visible ASCII, bounded.", "hosts"),
        "TF15": Later(
            "A long stream keeps other requests waiting during a refresh.", "No lock is held over a request.", "hardening"
        ),
        "TF16": Later("The server sets cookies.", "There is no jar.", "hardening"),
        "TH1": Later(
            "A name or message moves the cursor, writes the clipboard, makes links.",
            "Makes control characters visible.",
            "hardening",
        ),
        "TH2": Later(
            "It turns the direction of text or hides in it.", "Makes those visible too; lengths are capped.", "hardening"
        ),
        "TH3": Later("It is markup of the terminal library.", "Is text and never markup.", "hardening"),
        "TH4": Later("It breaks a line of a log.", "Is escaped.", "hardening"),
        "TH5": Later(
            "A library's log, error or repr shows a secret.",
            "Is a `Secret` that does not show itself; tests look for every token that they used.",
            "hardening",
        ),
        "TH6": Later("A traceback shows local variables.", "Ours show none.", "hardening"),
        "TH7": Later("An export starts a formula.", "Is escaped.", "hosts"),
        "TH8": Later("A token is printed by mistake.", "Only `token` and `headers` print one.", "hardening"),
        "TH9": Later("Metrics carry people or tokens.", "Hashes at most.", "endurance"),
        "TH10": Later("Other output gets into the data on stdout.", "stdout is data, all else goes to stderr.", "hardening"),
        "TH11": Later("A QR code or a copied link holds something else.", "Only the checked address is shown.", "hardening"),
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
