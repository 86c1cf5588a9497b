"""One disk for all processes, with locks that the kernel frees; and each process's `GrantStore`, which may fail to reach it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from handstamp.errors import StoreUnreachable, VaultLocked
from handstamp.model import Grant, GrantKey, Registration, Secret
from handstamp.stores.memory import MemoryStore
from simulation.processes import Process
from simulation.scheduler import Task

if TYPE_CHECKING:
    from simulation.world import World

__all__ = ["READ_FAULTS", "WRITE_FAULTS", "Disk", "SimulatedStore"]

T = TypeVar("T")

READ_FAULTS = ("a read fails",)
WRITE_FAULTS = ("a write fails", "the disk is full", "a write that worked is told as failed")


class Disk:
    """What outlives every process. A write is there whole, or not at all."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._scheduler = world.scheduler
        self.store = MemoryStore()
        self.full_until = 0.0
        self.locked_until = 0.0
        self.holder: Task | None = None
        self._queue: list[Task] = []

    def take(self, task: Task, *, wait: bool) -> bool:
        if self.holder is not None:
            self._world.count("a lock is waited for" if wait else "a lock is left to its holder")
        while self.holder is not None:
            if not wait:
                return False
            self._queue.append(task)
            self._scheduler.park()
        self.holder = task
        return True

    def let_go(self) -> None:
        """The kernel knows no queue: all who wait try again, and the first to run gets it."""
        self.holder = None
        for task in self._queue:
            self._scheduler.wake(task)
        self._queue.clear()

    def forget_locks(self, process: Process) -> None:
        self._queue = [task for task in self._queue if task.process is not process]
        if self.holder is not None and self.holder.process is process:
            self.let_go()

    def forget_lock(self, task: Task) -> None:
        if self.holder is task:
            self.let_go()


class SimulatedStore:
    """Fulfils `GrantStore` for one process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self._disk = process.world.disk

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        self._read()
        return self._disk.store.find_grant(owner, server, account, issuer)

    def list_keys(self, owner: str) -> list[GrantKey]:
        self._read()
        return self._disk.store.list_keys(owner)

    def list_grants(self, owner: str) -> list[Grant]:
        self._read()
        return self._disk.store.list_grants(owner)

    def save_grant(self, grant: Grant) -> Grant:
        return self._write(lambda: self._disk.store.save_grant(grant))

    def replace_grant(self, grant: Grant) -> Grant | None:
        return self._write(lambda: self._disk.store.replace_grant(grant))

    def forget_grant(self, key: GrantKey) -> bool:
        return self._write(lambda: self._disk.store.forget_grant(key))

    def find_registration(self, owner: str, issuer: str) -> Registration | None:
        self._read()
        return self._disk.store.find_registration(owner, issuer)

    def save_registration(self, owner: str, registration: Registration) -> None:
        self._write(lambda: self._disk.store.save_registration(owner, registration))

    def forget_registration(self, owner: str, issuer: str) -> None:
        self._write(lambda: self._disk.store.forget_registration(owner, issuer))

    def find_client_secret(self, owner: str, server: str, client_id: str) -> Secret | None:
        self._read()
        return self._disk.store.find_client_secret(owner, server, client_id)

    def save_client_secret(self, owner: str, server: str, client_id: str, secret: Secret) -> None:
        self._write(lambda: self._disk.store.save_client_secret(owner, server, client_id, secret))

    def forget_client_secrets(self, owner: str, server: str) -> None:
        self._write(lambda: self._disk.store.forget_client_secrets(owner, server))

    def prepare(self) -> None:
        self._read()

    def data_version(self) -> int:
        """As SQLite has it: one's own writes do not count."""
        self._read()
        return self._disk.store.data_version() - self._process.writes

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool, None, None]:
        self._read()
        held = self._disk.take(self._world.scheduler.current, wait=wait)
        try:
            yield held
        finally:
            if held and not self._process.dead:
                self._disk.let_go()

    def close(self) -> None:
        self._process.check()

    def _read(self) -> None:
        self._process.enter()
        fault = self._world.fault(READ_FAULTS)
        if fault is not None or self._world.scheduler.now < self._disk.locked_until:
            self._world.ledger.note_store_fault()
            raise VaultLocked("the simulated keychain is locked")

    def _write(self, write: Callable[[], T]) -> T:
        self._process.enter()
        fault = self._world.fault(WRITE_FAULTS)
        if fault == "the disk is full":
            self._disk.full_until = self._world.scheduler.now + self._world.choices.pick((1.0, 20.0, 200.0))
        full = self._world.scheduler.now < self._disk.full_until
        if full or fault == "a write fails":
            self._world.ledger.note_store_fault()
            raise StoreUnreachable("the simulated disk is full")
        before = self._disk.store.data_version()
        written = write()
        if self._disk.store.data_version() != before:
            self._process.writes += 1
            self._world.ledger.note_write(self._process)
        if fault == "a write that worked is told as failed":
            self._world.ledger.note_store_fault()
            raise StoreUnreachable("the simulated disk is unsure")
        self._process.enter()
        return written
