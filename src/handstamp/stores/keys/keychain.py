"""
The key in the system keychain: macOS Keychain, Windows Credential Manager, Secret Service or KWallet, through `keyring`.

One small item, written once and never again: macOS asks anew for permission after each write, and no keychain has a
compare-and-set (four processes that rewrite an item lose each other's changes). A rekey makes another item. Tokens do not go
there; they do not even fit on Windows.

A keychain may wait for a person, or hang on a bus that nobody answers. So each call, the import too, runs in a daemon thread with
a time box; a late answer is dropped. A key that was stored too late to be reported is found by the next start.

`keyring.get_keyring()` would load every plug-in that an installed package registers, and take the one that ranks itself highest
(TJ5). So we look at the backends that `keyring` itself brings, and at another only where you named it, in
`PYTHON_KEYRING_BACKEND` or in keyring's own configuration file.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Protocol, TypeVar, cast

from handstamp.errors import KeyUnavailable
from handstamp.stores.keys.encoding import decode_key, encode_key, new_key
from handstamp.stores.keys.places import new_id, require_id

__all__ = ["SERVICE", "KeychainKey"]

SERVICE = "handstamp"

_OF_THE_SYSTEM = (
    ("macOS", "Keyring"),
    ("Windows", "WinVaultKeyring"),
    ("SecretService", "Keyring"),
    ("kwallet", "DBusKeyring"),
    ("libsecret", "Keyring"),
)
"""In `keyring.backends`: module and class. Each says by `viable` whether it works here."""

_WORTHY_PRIORITY = 1
"""keyring's own line: below it are its null and fail backends and the plain-text ones."""

T = TypeVar("T")


class KeychainKey:
    """`limit` is the time box of one call in seconds."""

    name: str = "keychain"

    def __init__(self, directory: Path, place: str = "", *, limit: float = 3.0) -> None:
        self._directory = directory
        self._limit = limit
        self.place = place
        # From the path: two vaults never share an item, and a vault that is made anew at its old place finds its old key.
        self._username = "vault-" + sha256(str(directory.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        if place:
            self._username += f"-{place}"

    def at(self, place: str) -> "KeychainKey":
        return KeychainKey(self._directory, require_id(self.name, place), limit=self._limit)

    def describe(self) -> str:
        return "the system keychain"

    def is_available(self) -> bool:
        """Asks for the item: some backends know only then that there is no keychain behind them."""
        try:
            self._read()
        except _NoKeychain:
            return False
        return True

    def load(self) -> bytes | None:
        try:
            text = self._read()
        except _NoKeychain as error:
            raise KeyUnavailable(error.message) from error
        return None if text is None else decode_key(text, f"The keychain's item {SERVICE} / {self._username}")

    def create(self) -> bytes:
        """What is there already stays and is given: an item is never rewritten."""
        return self.load() or self._store(new_key())

    def renew(self) -> "KeychainKey":
        return KeychainKey(self._directory, new_id(), limit=self._limit)

    def discard(self) -> None:
        if self._read() is not None:
            self._ask(lambda backend: backend.delete_password(SERVICE, self._username))

    def _store(self, key: bytes) -> bytes:
        self._ask(lambda backend: backend.set_password(SERVICE, self._username, encode_key(key)))
        if self.load() != key:
            raise KeyUnavailable("The system keychain took the key and does not give it back.")
        return key

    def _read(self) -> str | None:
        return self._ask(lambda backend: backend.get_password(SERVICE, self._username))

    def _ask(self, question: Callable[["_Backend"], T]) -> T:
        answers: list[T] = []
        failures: list[Exception] = []

        def ask() -> None:
            try:
                answers.append(question(_worthy_backend()))
            except Exception as error:  # a backend may raise anything; it is told, never swallowed
                failures.append(error)

        thread = Thread(target=ask, name="handstamp-keychain", daemon=True)
        thread.start()
        thread.join(self._limit)
        if failures:
            raise _judge(failures[0]) from failures[0]
        if not answers:
            raise KeyUnavailable(
                f"The system keychain did not answer within {self._limit:g} seconds; it may wait for you to unlock it."
            )
        return answers[0]


class _Backend(Protocol):
    """What is used of a keyring backend. keyring's own methods are only partly typed."""

    @property
    def priority(self) -> float: ...

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class _NoKeychain(KeyUnavailable):
    """There is none on this machine, which is no fault of it."""


class _SystemKeychains:
    """
    All that this machine has, best first: which one that is may change with the desktop, and the item stays where it is.
    """

    def __init__(self, backends: list[_Backend]) -> None:
        self._backends = sorted(backends, key=lambda backend: backend.priority, reverse=True)

    @property
    def priority(self) -> float:
        return self._backends[0].priority if self._backends else 0

    def get_password(self, service: str, username: str) -> str | None:
        found = (backend.get_password(service, username) for backend in self._backends)
        return next((password for password in found if password is not None), None)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._backends[0].set_password(service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        for backend in self._backends:
            if backend.get_password(service, username) is not None:
                backend.delete_password(service, username)


def _worthy_backend() -> _Backend:
    backend = _find_chosen_backend() or _SystemKeychains(list(_find_system_backends()))
    if backend.priority < _WORTHY_PRIORITY:
        raise _NoKeychain("There is no system keychain here.")
    return backend


def _find_chosen_backend() -> "_Backend | None":
    from keyring.core import load_config, load_env

    try:
        return cast("_Backend | None", load_env() or load_config())
    except (ImportError, AttributeError, ValueError) as error:
        raise KeyUnavailable(
            "There is no such keychain as you chose: expected module.Class in PYTHON_KEYRING_BACKEND or keyring's own file."
        ) from error


def _find_system_backends() -> Iterator[_Backend]:
    for module, name in _OF_THE_SYSTEM:
        backend = getattr(import_module(f"keyring.backends.{module}"), name)
        if backend.viable:
            yield backend()


def _judge(error: Exception) -> KeyUnavailable:
    from keyring.errors import KeyringLocked, NoKeyringError

    match error:
        case KeyUnavailable():
            return type(error)(error.message)
        case NoKeyringError():
            return _NoKeychain("There is no system keychain here.")
        case KeyringLocked():
            return KeyUnavailable("The system keychain is locked.")
        case _:
            # Not its text: nobody knows what a backend puts into the message of a write that failed.
            return KeyUnavailable(f"The system keychain does not answer: {type(error).__name__}.")
