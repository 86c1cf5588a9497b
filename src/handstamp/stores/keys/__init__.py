"""Where a vault's key can live, in the order in which a new vault looks."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from handstamp.ports import AskSecret, KeyProvider

__all__ = ["StandardProviders"]


class StandardProviders:
    """
    Environment, systemd, passphrase, keychain, file; each is imported only when the ones before it did not serve.

    `environ` is read at each use, so a program may set HANDSTAMP_KEY after making this. `ask` is there where a person can be
    asked for a passphrase.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str], ask: AskSecret | None = None) -> None:
        self._directory = directory
        self._environ = environ
        self._ask = ask

    def __iter__(self) -> Iterator[KeyProvider]:
        from handstamp.stores.keys.environment import EnvironmentKey

        yield EnvironmentKey(self._environ)

        from handstamp.stores.keys.systemd import SystemdKey

        yield SystemdKey(self._environ)

        from handstamp.stores.keys.passphrase import PassphraseKey

        yield PassphraseKey(self._environ, self._ask)

        from handstamp.stores.keys.keychain import KeychainKey

        yield KeychainKey(self._directory)

        from handstamp.stores.keys.file import FileKey

        yield FileKey(self._directory)
