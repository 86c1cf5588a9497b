"""
A lock between processes that the kernel frees when its holder dies.

One file a lock, never deleted: whoever deletes a lock file gives the next two comers two files, and each of them a lock. The file
is empty and stays; only the kernel's note on it (flock on POSIX, a locked byte on Windows) comes and goes. A holder that is
killed, or whose machine loses power, leaves nothing to clean up, and no process id to be mistaken for another's (TG17).

flock belongs to the opened file, not to the process. That has three consequences, and each is used here:

- Two threads that open the file anew exclude each other, so no second lock for threads is needed.
- A forked child shares the parent's opened file and would keep the lock alive after the parent's death. So a child closes what
  it inherited, at once; the parent's hold is untouched by that.
- If somebody removes the directory by hand, a waiter may get a lock on a file that no longer has a name. So after the wait the
  name is looked at again.

A lock may be shared: by many at a time, while nobody has it alone. On Windows, whose C library knows no such thing, each sharer
takes a byte of its own, and whoever wants it alone takes all of them.
"""

import os
import sys
from pathlib import Path
from types import TracebackType
from weakref import WeakSet

from handstamp.errors import StoreUnreachable
from handstamp.stores.private_files import open_private, prepare_directory

__all__ = ["KernelLock"]


class KernelLock:
    """
    Held by one holder of all processes and threads at a time, or by many that ask for it `shared`. One object is one holder; it
    is not passed between threads.

    Without `wait` it is not waited for where somebody else holds it. Raises StoreUnreachable where the file cannot be used or is
    not yours alone.
    """

    def __init__(self, path: Path, *, wait: bool = True, shared: bool = False) -> None:
        self._path = path
        self._wait = wait
        self._shared = shared
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Waits as long as it takes; a signal handler that raises ends the wait. False where somebody else holds it."""
        if self._descriptor is not None:
            raise RuntimeError("this KernelLock is already held: waiting for it again would never end")
        while True:
            descriptor = self._open()
            if not self._take(descriptor):
                return False
            if self._has_its_name(descriptor):
                self._descriptor = descriptor
                _held.add(self)
                return True
            os.close(descriptor)

    def release(self) -> None:
        """Does nothing where this object does not hold it (as in a forked child)."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is not None:
            _unlock(descriptor, shared=self._shared)
            os.close(descriptor)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def _open(self) -> int:
        prepare_directory(self._path.parent)
        return open_private(self._path, os.O_RDWR | os.O_CREAT)

    def _take(self, descriptor: int) -> bool:
        """Closes what it does not get."""
        taken = False
        try:
            taken = _lock(descriptor, wait=self._wait, shared=self._shared)
        except OSError as error:
            raise StoreUnreachable(f"{self._path} cannot be locked: {error.strerror}.") from error
        finally:
            if not taken:
                os.close(descriptor)
        return taken

    def _has_its_name(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.lstat())
        except FileNotFoundError:
            return False

    def forget_inherited(self) -> None:
        """In a forked child: closes what is the parent's, without unlocking it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


_held: WeakSet[KernelLock] = WeakSet()


if sys.platform == "win32":
    import msvcrt
    import time

    SHARERS = 64

    def _lock(descriptor: int, *, wait: bool, shared: bool) -> bool:
        # LK_LOCK gives up after ten tries a second apart; a refresh is over sooner than its first second.
        while not _lock_bytes(descriptor, shared=shared):
            if not wait:
                return False
            time.sleep(0.02)
        return True

    def _lock_bytes(descriptor: int, *, shared: bool) -> bool:
        """Leaves the file's position where the lock begins: there it is let go."""
        for first, length in ((byte, 1) for byte in range(SHARERS)) if shared else ((0, SHARERS),):
            os.lseek(descriptor, first, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, length)
            except PermissionError:
                continue
            return True
        return False

    def _unlock(descriptor: int, *, shared: bool) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1 if shared else SHARERS)

else:
    import fcntl

    def _lock(descriptor: int, *, wait: bool, shared: bool) -> bool:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int, *, shared: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _forget_what_was_inherited() -> None:
        for lock in list(_held):
            lock.forget_inherited()
        _held.clear()

    os.register_at_fork(after_in_child=_forget_what_was_inherited)
