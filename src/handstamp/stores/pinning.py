"""
Which provider holds the vault's key, and where: chosen once, written into the vault's header, and kept to.

A new vault takes the first provider that is set up. From then on only that one is asked: if it is missing, hangs or gives
another key, that is an error and never a reason to look elsewhere, else whoever can unset a variable could make the vault take a
key of theirs (TG20). The header's check value is a sealed nothing, bound to the pin, which is the provider's name and its place
(`file`, `file:5e1f…`): only the right key opens it, and nobody changes either without the key.

A sibling may give the vault another key while we run (`handstamp.stores.rekeying`). So whatever is read comes with the pin and
the check of the same moment, and is opened with the key of that moment.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from handstamp.errors import KeyUnavailable, VaultCorrupt, forgetting_values
from handstamp.ports import KeyProvider
from handstamp.protocol.text import safe
from handstamp.stores.sealing import bind, seal, unseal

__all__ = ["PinnedKey", "PinnedKeys", "Rows", "choose_key", "find_provider", "load_pinned_key", "pin_of", "provider_of"]

Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """The key in use, and where it is: `pin` as the header has it, `description` for a person."""

    pin: str
    description: str
    key: bytes = field(repr=False)

    @property
    def provider(self) -> str:
        """Its name."""
        return provider_of(self.pin)

    def make_check(self) -> bytes:
        return seal(self.key, bind("header", self.pin), b"")


class PinnedKeys:
    """
    The keys that this process has had, by the check that each of them opens. A provider is asked once for each.

    None is forgotten: what another thread read a moment before a rekey is opened with the key of that moment.
    """

    def __init__(self, providers: Iterable[KeyProvider]) -> None:
        self._providers = providers
        self._known: dict[object, PinnedKey] = {}
        self._asking = (os.getpid(), Lock())

    def keep(self, check: bytes, pinned: PinnedKey) -> None:
        """One that was had by other ways than `unlock`."""
        self._known[check] = pinned

    def unlock(self, read: Callable[[], Rows]) -> tuple[Rows, PinnedKey | None]:
        """
        The rows that `read` gives, whose last two columns are the header's pin and check, and their key. No key without rows.

        Raises KeyUnavailable. Where a sibling has just taken the old key away, the rows are read once more.
        """
        rows = read()
        while rows:
            pin, check = rows[0][-2:]
            try:
                return rows, self._find(pin, check)
            except KeyUnavailable:
                rows = read()
                if rows and rows[0][-1] == check:
                    raise
        return rows, None

    def _find(self, pin: object, check: object) -> PinnedKey:
        if (known := self._known.get(check)) is not None:
            return known
        with self._lock():
            if check not in self._known:
                self._known[check] = load_pinned_key(self._providers, pin, check)
            return self._known[check]

    def _lock(self) -> Lock:
        """One thread asks, since a person may be asked too. A forked child has a lock of its own: its parent's may be held."""
        if self._asking[0] != os.getpid():
            self._asking = (os.getpid(), Lock())
        return self._asking[1]


@forgetting_values()
def choose_key(providers: Iterable[KeyProvider]) -> PinnedKey:
    """For a new vault: of the first provider that is set up, the key that it holds or else makes."""
    for provider in providers:
        if provider.is_available():
            key = provider.load() or provider.create()
            return PinnedKey(pin_of(provider), provider.describe(), key)
    raise KeyUnavailable("No place for the vault's key is set up here.")


def pin_of(provider: KeyProvider) -> str:
    """The text for the header."""
    return f"{provider.name}:{provider.place}" if provider.place else provider.name


def provider_of(pin: object) -> str:
    """The name in a header's text."""
    return str(pin).partition(":")[0]


def find_provider(providers: Iterable[KeyProvider], pin: object) -> KeyProvider:
    """The one that a header names, at the place that it names; and no other. Raises KeyUnavailable."""
    name, _, place = str(pin).partition(":")
    provider = next((provider for provider in providers if provider.name == name), None)
    if provider is None:
        raise KeyUnavailable(f"The vault's key is in {safe(name)!r}, which is not set up in this program.")
    return provider.at(place) if place else provider


@forgetting_values()
def load_pinned_key(providers: Iterable[KeyProvider], pin: object, check: object) -> PinnedKey:
    """For a vault that exists: the key of the provider that its header names."""
    provider = find_provider(providers, pin)
    key = _load(provider)
    try:
        unseal(key, bind("header", str(pin)), check)
    except VaultCorrupt as error:
        raise KeyUnavailable(f"{_place(provider)} gives another key than the one that the vault is sealed with.") from error
    return PinnedKey(str(pin), provider.describe(), key)


def _load(provider: KeyProvider) -> bytes:
    try:
        key = provider.load()
    except KeyUnavailable as error:
        raise KeyUnavailable(f"{_place(provider)} does not give the vault's key. {error.message}", hint=error.hint) from error
    if key is None:
        elsewhere = " If it is in another keychain, PYTHON_KEYRING_BACKEND names that." if provider.name == "keychain" else ""
        raise KeyUnavailable(f"{_place(provider)} holds no key: expected the one that the vault is sealed with.{elsewhere}")
    return key


def _place(provider: KeyProvider) -> str:
    return f"The vault's key provider, {provider.name} ({provider.describe()}),"
