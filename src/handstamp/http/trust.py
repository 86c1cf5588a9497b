"""
Which certificates we trust, loaded once for all connections.

The machine's own take 20 ms and a megabyte each time that they are read: hundreds of servers would wait for one another. Whoever
changes the places that OpenSSL names, or `ca_file`, gets the new ones from the next connection on.
"""

import ssl
from functools import lru_cache
from pathlib import Path

import httpx2

from handstamp.errors import SettingsError

__all__ = ["trust"]


def trust(ca_file: str | None = None) -> ssl.SSLContext:
    """The machine's certificates, and those in `ca_file`. Shared by all connections. Raises SettingsError."""
    machine = ssl.get_default_verify_paths()
    files = (machine.openssl_cafile, machine.openssl_capath, ca_file)
    return _load(ca_file, tuple(map(_stamp, files)))


@lru_cache(maxsize=4)
def _load(ca_file: str | None, _stamps: tuple[tuple[str, int] | None, ...]) -> ssl.SSLContext:
    context = httpx2.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ValueError) as error:
            raise SettingsError(f"Expected certificates in PEM form in {ca_file}, got none.") from error
    return context


def _stamp(path: str | None) -> tuple[str, int] | None:
    try:
        return None if path is None else (path, Path(path).stat().st_mtime_ns)
    except OSError:
        return None
