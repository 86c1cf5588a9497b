"""The key as a systemd credential: `LoadCredentialEncrypted=handstamp.key:…` in a unit, decrypted by the service manager."""

from collections.abc import Mapping
from pathlib import Path

from handstamp.errors import KeyUnavailable, hint
from handstamp.stores.keys.encoding import decode_key
from handstamp.stores.keys.places import given_key, renewed_id, require_id

__all__ = ["SystemdKey"]

_DIRECTORY = "CREDENTIALS_DIRECTORY"
_CREDENTIAL = "handstamp.key"
_NEW_CREDENTIAL = "handstamp.new-key"


class SystemdKey:
    """
    The file's modes are not judged: systemd makes it, in a directory that only the unit's processes see.

    After a rekey `place` says which key it is, in whichever of the two credentials.
    """

    name: str = "systemd"

    def __init__(self, environ: Mapping[str, str], place: str = "") -> None:
        self._environ = environ
        self.place = place

    def at(self, place: str) -> "SystemdKey":
        return SystemdKey(self._environ, require_id(self.name, place))

    def describe(self) -> str:
        return f"the systemd credential {_CREDENTIAL}"

    def is_available(self) -> bool:
        """A unit may have credentials and none of ours: then it is not set up here."""
        path = self._path(_CREDENTIAL)
        return path is not None and path.exists()

    def load(self) -> bytes | None:
        return given_key(self.place, lambda: self._read(_CREDENTIAL), lambda: self._read(_NEW_CREDENTIAL))

    def create(self) -> bytes:
        raise KeyUnavailable(f"The systemd credential {_CREDENTIAL} does not exist, and only the unit's file can bring it.")

    def renew(self) -> "SystemdKey":
        place = renewed_id(lambda: self._read(_CREDENTIAL), lambda: self._read(_NEW_CREDENTIAL))
        if place is None:
            raise KeyUnavailable(
                f"The systemd credential {_NEW_CREDENTIAL} does not exist, and only the unit's file can bring it: expected 32 new"
                " bytes in base64.",
                hint=hint("new_key"),
            )
        return SystemdKey(self._environ, place)

    def discard(self) -> None:
        """It is the unit's."""

    def _read(self, credential: str) -> bytes | None:
        path = self._path(credential)
        if path is None:
            return None
        try:
            text = path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyUnavailable(f"The systemd credential {credential} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise KeyUnavailable(f"The systemd credential {credential} is not text: expected 32 bytes in base64.") from None
        return decode_key(text, f"The systemd credential {credential}")

    def _path(self, credential: str) -> Path | None:
        directory = self._environ.get(_DIRECTORY)
        return Path(directory, credential) if directory else None
