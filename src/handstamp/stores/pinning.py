"""
Which provider holds the vault's key: chosen once, written into the vault's header, and kept to.

A new vault takes the first provider that is set up. From then on only that one is asked: if it is missing, hangs or gives
another key, that is an error and never a reason to look elsewhere, else whoever can unset a variable could make the vault take a
key of theirs (TG20). The header's check value is a sealed nothing, bound to the provider's name: only the right key opens it, and
nobody changes the name without the key.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from handstamp.errors import KeyUnavailable, VaultCorrupt, forgetting_values
from handstamp.ports import KeyProvider
from handstamp.stores.sealing import bind, seal, unseal

__all__ = ["PinnedKey", "choose_key", "load_pinned_key"]


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """The key in use, and whose it is."""

    provider: str
    description: str
    key: bytes = field(repr=False)

    def make_check(self) -> bytes:
        return seal(self.key, bind("header", self.provider), b"")


@forgetting_values()
def choose_key(providers: Iterable[KeyProvider]) -> PinnedKey:
    """For a new vault: of the first provider that is set up, the key that it holds or else makes."""
    for provider in providers:
        if provider.is_available():
            key = provider.load() or provider.create()
            return PinnedKey(provider.name, provider.describe(), key)
    raise KeyUnavailable("No place for the vault's key is set up here.")


@forgetting_values()
def load_pinned_key(providers: Iterable[KeyProvider], name: str, check: bytes) -> PinnedKey:
    """For a vault that exists: the key of the provider that its header names, and of no other."""
    provider = next((provider for provider in providers if provider.name == name), None)
    if provider is None:
        raise KeyUnavailable(f"The vault's key is in {name!r}, which is not set up in this program.")
    key = _load(provider)
    try:
        unseal(key, bind("header", name), check)
    except VaultCorrupt as error:
        raise KeyUnavailable(f"{_place(provider)} gives another key than the one that the vault is sealed with.") from error
    return PinnedKey(name, provider.describe(), key)


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
