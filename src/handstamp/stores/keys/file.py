"""
The key in `vault.key` beside the vault, or after a rekey in `vault.<id>.key`, readable only by you.

It protects copies of `vault.db` alone, such as a backup that leaves the key out; not against your other programs, nor against
whoever takes the whole directory. It is the last in the order, and a new vault says so in one line.
"""

import os
from pathlib import Path

from handstamp.errors import KeyUnavailable, StoreUnreachable
from handstamp.stores.keys.encoding import decode_key, encode_key, new_key
from handstamp.stores.keys.places import new_id, require_id
from handstamp.stores.private_files import create_private, open_private, prepare_directory, sync_directory

__all__ = ["FileKey"]

_ENOUGH_BYTES = 1024


class FileKey:
    """Always available. `create` is called by one process at a time: the vault's creation lock is held. No file is rewritten."""

    name: str = "file"

    def __init__(self, directory: Path, place: str = "") -> None:
        self._directory = directory
        self._path = directory / (f"vault.{place}.key" if place else "vault.key")
        self.place = place

    def at(self, place: str) -> "FileKey":
        return FileKey(self._directory, require_id(self.name, place))

    def describe(self) -> str:
        return f"{self._path.name}, a file that only you can read: it protects backups, not against programs of yours"

    def is_available(self) -> bool:
        return True

    def load(self) -> bytes | None:
        try:
            descriptor = open_private(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        except StoreUnreachable as error:
            raise KeyUnavailable(error.message, hint=error.hint) from error
        try:
            text = os.read(descriptor, _ENOUGH_BYTES).decode("ascii", "replace")
        except OSError as error:
            raise KeyUnavailable(f"{self._path} cannot be read: {error.strerror}.") from error
        finally:
            os.close(descriptor)
        return decode_key(text, str(self._path))

    def create(self) -> bytes:
        """Written under another name and renamed, so that a crash never leaves half a key under the right one."""
        key = new_key()
        draft = self._path.with_name(self._path.name + ".new")
        try:
            prepare_directory(self._path.parent)
            draft.unlink(missing_ok=True)
            create_private(draft, encode_key(key).encode("ascii") + b"\n")
            if os.path.lexists(self._path):
                raise KeyUnavailable(f"{self._path} exists already and is never overwritten.")
            draft.rename(self._path)
            sync_directory(self._path.parent)
        except StoreUnreachable as error:
            raise KeyUnavailable(error.message, hint=error.hint) from error
        except OSError as error:
            raise KeyUnavailable(f"{self._path} cannot be written: {error.strerror}.") from error
        return key

    def renew(self) -> "FileKey":
        return FileKey(self._directory, new_id())

    def discard(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
            self._path.with_name(self._path.name + ".new").unlink(missing_ok=True)
            sync_directory(self._directory)
        except OSError as error:
            raise KeyUnavailable(f"{self._path} cannot be deleted: {error.strerror}.") from error
