"""
The key made from a passphrase, by scrypt (RFC 7914), anew in each process: nothing is kept but the salt, in the vault's header.

It is slow on purpose, and that is what the passphrase is worth: whoever has the vault pays a third of a second and 128 MiB for
each guess. A program of yours pays the same once, when it first opens the vault.

The header says how the key was made, and a header may come from anybody: what it asks for is bounded before it is done. Besides
the salt it names the key, so that a wrong passphrase is told as one, and a person may type it again.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from handstamp.errors import KeyUnavailable, StoreUnreachable, forgetting_values
from handstamp.model import Secret
from handstamp.ports import AskSecret
from handstamp.stores.keys.places import identify
from handstamp.stores.private_files import open_private
from handstamp.stores.sealing import KEY_BYTES

__all__ = ["COSTS", "FILE_VARIABLE", "NEW_FILE_VARIABLE", "NEW_VARIABLE", "VARIABLE", "Cost", "PassphraseKey"]

VARIABLE, FILE_VARIABLE = "HANDSTAMP_PASSPHRASE", "HANDSTAMP_PASSPHRASE_FILE"
NEW_VARIABLE, NEW_FILE_VARIABLE = "HANDSTAMP_NEW_PASSPHRASE", "HANDSTAMP_NEW_PASSPHRASE_FILE"

SHORTEST = 8
"""Characters of a new passphrase: NIST SP 800-63B §5.1.1.1."""
LONGEST_FILE = 4096
ATTEMPTS = 3
"""At typing it."""
_BLOCK = 8
_SALT_BYTES = 16
_PLACE = re.compile(r"scrypt:([0-9]{1,2}):([0-9]{1,2}):([0-9a-f]{32}):([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one derivation: `2**exponent` KiB of memory, which `passes` go over."""

    exponent: int
    passes: int

    @property
    def is_bearable(self) -> bool:
        """16 to 256 MiB, and at most twice the time of what we choose ourselves."""
        return 14 <= self.exponent <= 18 and self.passes >= 1 and self.passes << self.exponent <= 1 << 18

    @property
    def memory(self) -> str:
        return f"{1 << (self.exponent - 10)} MiB"


COSTS = (Cost(17, 1), Cost(16, 2), Cost(15, 3))
"""What to choose, best first: the next where there is less memory. They are equally dear (OWASP's table of 2023)."""


class PassphraseKey:
    """`place` is how the key was made: scrypt, its cost, the salt, and which key it gave. Without one, a new vault's."""

    name: str = "passphrase"

    def __init__(
        self,
        environ: Mapping[str, str],
        ask: AskSecret | None,
        place: str = "",
        *,
        costs: Sequence[Cost] = COSTS,
        renewing: bool = False,
    ) -> None:
        self._environ = environ
        self._ask = ask
        self._costs = costs
        self._renewing = renewing
        self.place = place

    def at(self, place: str) -> "PassphraseKey":
        _parse(place)
        return PassphraseKey(self._environ, self._ask, place, costs=self._costs)

    def describe(self) -> str:
        return "your passphrase, which makes it anew each time"

    def is_available(self) -> bool:
        return VARIABLE in self._environ or FILE_VARIABLE in self._environ

    @forgetting_values()
    def load(self) -> bytes | None:
        if not self.place:
            return None
        cost, salt, expected = _parse(self.place)
        for passphrase in self._candidates():
            key = _derive(passphrase, salt, cost)
            if identify(key) == expected:
                return key
        raise KeyUnavailable("It was given another passphrase than the vault's.")

    @forgetting_values()
    def create(self) -> bytes:
        passphrase = self._choose()
        if len(passphrase.reveal()) < SHORTEST:
            raise KeyUnavailable(f"Expected a passphrase of {SHORTEST} characters or more, got fewer.")
        salt = os.urandom(_SALT_BYTES)
        key, cost = _derive_dearly(passphrase, salt, self._costs)
        self.place = f"scrypt:{cost.exponent}:{cost.passes}:{salt.hex()}:{identify(key)}"
        return key

    def renew(self) -> "PassphraseKey":
        """With the passphrase in the usual variable, unless that is the one to be replaced."""
        return PassphraseKey(self._environ, self._ask, costs=self._costs, renewing=bool(self.place))

    def discard(self) -> None:
        """Nothing is kept."""

    def _candidates(self) -> Iterator[Secret]:
        """What may be the vault's passphrase. A new one is given beside the old one for as long as programs run with both."""
        given = [found for found in (self._given(VARIABLE, FILE_VARIABLE), self._given_new()) if found is not None]
        if given or self._ask is None:
            yield from given or [_miss(VARIABLE, FILE_VARIABLE)]
            return
        for attempt in range(ATTEMPTS):
            yield self._type("Passphrase of the vault" if attempt == 0 else "Another one than the vault's; its passphrase")

    def _choose(self) -> Secret:
        found = self._given_new() or (None if self._renewing else self._given(VARIABLE, FILE_VARIABLE))
        if found is not None:
            return found
        if self._ask is None:
            return _miss(NEW_VARIABLE, NEW_FILE_VARIABLE)
        typed = self._type("New passphrase of the vault")
        if self._type("The new passphrase again") != typed:
            raise KeyUnavailable("Expected the same new passphrase twice, got two.")
        return typed

    def _given_new(self) -> Secret | None:
        return self._given(NEW_VARIABLE, NEW_FILE_VARIABLE)

    def _given(self, variable: str, file_variable: str) -> Secret | None:
        """Set and empty is a mistake and no absence, as with a key. The variable goes before the file."""
        if (text := self._environ.get(variable)) is not None:
            return _require(text, variable)
        if (path := self._environ.get(file_variable)) is not None:
            return _read(path, file_variable)
        return None

    def _type(self, question: str) -> Secret:
        if self._ask is None:
            raise AssertionError("nobody is there to ask")
        try:
            return _require(self._ask(question).reveal(), "The terminal")
        except EOFError:
            raise KeyUnavailable("The terminal was closed before the passphrase was typed.") from None


def _parse(place: str) -> tuple[Cost, bytes, str]:
    """As it came from a header, which somebody else may have written."""
    found = _PLACE.fullmatch(place)
    cost = Cost(int(found[1]), int(found[2])) if found else None
    if found is None or cost is None or not cost.is_bearable:
        raise KeyUnavailable("The vault's header asks for a key of a passphrase in a way that is unknown here, or too dear.")
    return cost, bytes.fromhex(found[3]), found[4]


def _derive_dearly(passphrase: Secret, salt: bytes, costs: Sequence[Cost]) -> tuple[bytes, Cost]:
    *dear, cheapest = costs
    for cost in dear:
        with suppress(KeyUnavailable):
            return _derive(passphrase, salt, cost), cost
    return _derive(passphrase, salt, cheapest), cheapest


def _derive(passphrase: Secret, salt: bytes, cost: Cost) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    # One keyboard composes é and another does not: RFC 8265 §4.2.2 has NFC.
    material = normalize("NFC", passphrase.reveal()).encode("utf-8", "surrogatepass")
    try:
        return Scrypt(salt=salt, length=KEY_BYTES, n=1 << cost.exponent, r=_BLOCK, p=cost.passes).derive(material)
    except MemoryError:
        raise KeyUnavailable(f"Expected {cost.memory} of memory to make the vault's key of a passphrase, got less.") from None


def _read(path: str, variable: str) -> Secret:
    if not Path(path).is_absolute():
        raise KeyUnavailable(f"Expected an absolute path in {variable}, got another.")
    try:
        descriptor = open_private(Path(path), os.O_RDONLY)
    except FileNotFoundError:
        raise KeyUnavailable(f"{path}, which {variable} names, is not there.") from None
    except StoreUnreachable as error:
        raise KeyUnavailable(error.message, hint=error.hint) from error
    try:
        content = os.read(descriptor, LONGEST_FILE + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise KeyUnavailable(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        # An error of decoding carries the secret.
        raise KeyUnavailable(f"{path}, which {variable} names, is no UTF-8.") from None
    finally:
        os.close(descriptor)
    if len(content) > LONGEST_FILE:
        raise KeyUnavailable(f"{path}, which {variable} names, is larger than {LONGEST_FILE // 1024} KiB.")
    # What an editor puts at the end of a line is no part of it.
    return _require(text.removesuffix("\n").removesuffix("\r"), path)


def _require(text: str, place: str) -> Secret:
    if not text:
        raise KeyUnavailable(f"{place} gives an empty passphrase.")
    return Secret(text)


def _miss(variable: str, file_variable: str) -> Secret:
    raise KeyUnavailable(f"Expected a passphrase in {variable}, in a file that {file_variable} names, or typed at a terminal.")
