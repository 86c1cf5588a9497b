"""The key as a systemd credential: `LoadCredentialEncrypted=handstamp.key:…` in a unit, decrypted by the service manager."""

from collections.abc import Mapping
from pathlib import Path

from handstamp.errors import KeyUnavailable
from handstamp.stores.keys.encoding import decode_key

__all__ = ["SystemdKey"]

_DIRECTORY = "CREDENTIALS_DIRECTORY"
_CREDENTIAL = "handstamp.key"


class SystemdKey:
    """The file's modes are not judged: systemd makes it, in a directory that only the unit's processes see."""

    name: str = "systemd"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def describe(self) -> str:
        return f"the systemd credential {_CREDENTIAL}"

    def is_available(self) -> bool:
        """A unit may have credentials and none of ours: then it is not set up here."""
        path = self._path()
        return path is not None and path.exists()

    def load(self) -> bytes | None:
        path = self._path()
        if path is None:
            return None
        try:
            text = path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyUnavailable(f"The systemd credential {_CREDENTIAL} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise KeyUnavailable(f"The systemd credential {_CREDENTIAL} is not text: expected 32 bytes in base64.") from None
        return decode_key(text, f"The systemd credential {_CREDENTIAL}")

    def create(self) -> bytes:
        raise KeyUnavailable(f"The systemd credential {_CREDENTIAL} does not exist, and only the unit's file can bring it.")

    def _path(self) -> Path | None:
        directory = self._environ.get(_DIRECTORY)
        return Path(directory, _CREDENTIAL) if directory else None
