"""
Whose turn it is to use the vault: many who refresh, or one who changes it as a whole.

**Two locks a refresh.** Whoever refreshes holds the grant's lock alone, and `whole.lock` together with all others who refresh.
Whoever changes the vault as a whole, by a migration, from a backup or with another key, holds `whole.lock` alone: then no refresh
is under way whose token would find its place gone, or another's.

**A gate.** Refreshes overlap, and on a busy machine there is no moment without one. So whoever wants the vault alone first shuts
`gate.lock`: those who come later wait before it while those inside end. It is shut for a few seconds at most, since one silent
server, or a program that cannot write its new token, must not keep all others from refreshing.

Always in this order: the grant's lock, the gate, `whole.lock`, SQLite's. `vault.lock`, of whoever makes the vault or gives it
another key, comes before the gate, too.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from handstamp.errors import VaultLocked
from handstamp.stores.locks import KernelLock

__all__ = ["Turns"]

SHUT = 5.0
"""Seconds for which those who come later wait."""
PATIENCE = 90.0
"""Seconds for refreshes that are under way: longer than any of them may take, but for one that cannot write."""
PAUSE = 0.05


class Turns:
    """Of the vault at `path`, whose locks are in `directory`."""

    def __init__(self, directory: Path, path: Path) -> None:
        self._directory = directory
        self._path = path

    @contextmanager
    def together(self, *, wait: bool) -> Generator[bool, None, None]:
        """With all others who refresh. False where somebody wants the vault alone, and `wait` is not."""
        with self._lock("gate", wait=wait, shared=True) as passed:
            pass
        if not passed:
            yield False
            return
        with self._lock("whole", wait=wait, shared=True) as entered:
            yield entered

    @contextmanager
    def alone(self) -> Generator[None, None, None]:
        """Nobody refreshes meanwhile: waits for those that do. Raises VaultLocked where one of them takes too long."""
        whole = self._lock("whole", wait=False)
        with self._lock("gate"):
            entered = _try(whole, SHUT)
        if not entered and not _try(whole, PATIENCE - SHUT):
            raise VaultLocked(
                f"{self._path} was in use by a refresh for more than {PATIENCE:g} seconds: end the program that cannot store its"
                " new token, or let it write."
            )
        try:
            yield
        finally:
            whole.release()

    def _lock(self, name: str, *, wait: bool = True, shared: bool = False) -> KernelLock:
        return KernelLock(self._directory / f"{name}.lock", wait=wait, shared=shared)


def _try(lock: KernelLock, seconds: float) -> bool:
    """Once at least."""
    give_up = time.monotonic() + seconds
    while not lock.acquire():
        if time.monotonic() >= give_up:
            return False
        time.sleep(PAUSE)
    return True
