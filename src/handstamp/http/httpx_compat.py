"""One auth class for both HTTP libraries: its bases are found at run time."""

from importlib import import_module
from importlib.util import find_spec

__all__ = ["auth_bases"]


def auth_bases() -> tuple[type, ...]:
    """
    `Auth` of httpx2 and, where it is installed, of httpx: each client takes only instances of its own.

    Importing httpx here is no alias and no patch; it costs what the caller's own `import httpx` would have cost.
    """
    return tuple(import_module(name).Auth for name in ("httpx2", "httpx") if find_spec(name) is not None)
