"""
A program: what becomes of a token that came when the disk was full, or could not be written any more (TE19).

`disk.py FOLDER SCENARIO GRACE` prints as JSON what was seen; `disks.py` knows what has to be. The disk is a real one of a
megabyte, in a mount namespace of its own, and is filled while the server holds its answer.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from authority import FormBrowser, Knobs
from endurance.ground import Ground, ground
from endurance.programs import fingerprint
from endurance.zygote import Child, Zygote
from handstamp.errors import HandstampError
from handstamp.vault import Vault

Seen = dict[str, object]

A_WHILE = 0.7
"""Seconds in which nothing is to happen."""


@dataclass
class Disk:
    """Two small disks: one for the vault, and one for its locks, which can be written while the other cannot."""

    folder: Path

    def __post_init__(self) -> None:
        self.state = self.folder / "state"
        self._filler = self.state / "filler"
        self.state.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "disk", str(self.state))
        (self.state / "locks").mkdir(mode=0o700)
        run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "locks", str(self.state / "locks"))

    def fill(self) -> None:
        """To the last byte."""
        with self._filler.open("wb", buffering=0) as file:
            for size in (4096, 1):
                with suppress(OSError):
                    while file.write(b"x" * size):
                        pass
        assert os.statvfs(self.state).f_bavail == 0

    def clear(self) -> None:
        self._filler.unlink()

    def make_read_only(self) -> None:
        run("mount", "-o", "remount,bind,ro", str(self.state))

    def make_writable(self) -> None:
        run("mount", "-o", "remount,bind,rw", str(self.state))


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@dataclass
class Scene:
    """A grant that has ended, and programs that want its token."""

    place: Ground
    disk: Disk

    def program(self) -> Child:
        program = self.place.start("ask_at_each_word", self.place.url)
        assert program.read_line() == "ready"
        return program

    def hold(self) -> None:
        self.place.authority.token_request_arrived.clear()
        self.place.authority.turn(token_status="hang")

    def wait_for_request(self) -> None:
        assert self.place.authority.token_request_arrived.wait(20)

    def let_go(self) -> None:
        self.place.authority.turn(token_status=None)
        self.place.authority.release()

    def spend(self, program: Child, damage: Callable[[], None]) -> None:
        """The program sends its refresh token, the damage is done, and then the answer comes."""
        self.hold()
        program.say("go")
        self.wait_for_request()
        damage()
        self.let_go()

    @property
    def newest(self) -> str:
        return f"token {fingerprint(self.place.authority.handed_out[-1].access_token)}"

    def seen(self, **more: object) -> Seen:
        """Said by programs: the token that the server gave last is called that."""
        named = json.loads(json.dumps(more).replace(self.newest, "the newest token"))
        return {"refreshes": self.place.authority.refreshes, "is stored": self._is_stored(), **named}

    def _is_stored(self) -> bool:
        return f"token {fingerprint(self.place.examined().token)}" == self.newest


def keep(scene: Scene) -> Seen:
    """The disk is full when the answer comes; siblings come along; then there is room again."""
    program, siblings = scene.program(), [scene.program() for _ in range(2)]
    scene.spend(program, scene.disk.fill)
    told = program.read_line()
    for sibling in siblings:
        sibling.say("go")
    waiting = [sibling.listen(A_WHILE) for sibling in siblings]
    program.say("go")
    again, refreshes = program.read_line(), scene.place.authority.refreshes
    scene.disk.clear()
    after = [sibling.read_line() for sibling in siblings]
    program.say("go")
    last = program.read_line()
    return scene.seen(told=told, waiting=waiting, again=again, refreshes_meanwhile=refreshes, after=after, last=last)


def keep_read_only(scene: Scene) -> Seen:
    """The same where the disk cannot be written any more."""
    program, sibling = scene.program(), scene.program()

    def protect() -> None:
        program.say("close")
        assert program.read_line() == "closed"
        scene.disk.make_read_only()

    scene.spend(program, protect)
    told = program.read_line()
    sibling.say("go")
    waiting = sibling.listen(A_WHILE)
    scene.disk.make_writable()
    sibling.say("go")
    after = sibling.read_line()
    program.say("go")
    return scene.seen(told=told, waiting=waiting, after=after, last=program.read_line())


def refuse_to_begin(scene: Scene) -> Seen:
    """The disk is full before anything is sent."""
    program = scene.program()
    scene.disk.fill()
    program.say("go")
    told, refreshes = program.read_line(), scene.place.authority.refreshes
    scene.disk.clear()
    program.say("go")
    return scene.seen(told=told, refreshes_meanwhile=refreshes, after=program.read_line())


def die_with_it(scene: Scene) -> Seen:
    """The program is killed while what it got is stored nowhere."""
    program, sibling = scene.program(), scene.program()
    scene.spend(program, scene.disk.fill)
    told = program.read_line()
    program.kill()
    program.wait()
    scene.disk.clear()
    sibling.say("go")
    return scene.seen(told=told, after=sibling.read_line())


def end_with_it(scene: Scene) -> Seen:
    """There is room again, and the program ends before it would have tried the next time."""
    scene.hold()
    program = scene.place.start("ask_and_exit", scene.place.url)
    assert program.read_line() == "ready"
    scene.wait_for_request()
    scene.disk.fill()
    scene.let_go()
    told = program.read_line()
    scene.disk.clear()
    program.say("end")
    return scene.seen(told=told, status=program.wait())


def sign_in(scene: Scene) -> Seen:
    """A sign-in whose tokens come when the disk is full; what was stored before is left."""
    former, outcome = scene.place.stored(), list[str]()
    os.environ.update(scene.place.environ)

    def log_in() -> None:
        with Vault.open() as vault:
            try:
                vault.sync.login(scene.place.url, browser=FormBrowser(), again=True)
            except HandstampError as error:
                outcome.append(error.code)

    thread = Thread(target=log_in)
    scene.hold()
    thread.start()
    scene.wait_for_request()
    scene.disk.fill()
    scene.let_go()
    thread.join(30)
    scene.disk.clear()
    return {"outcome": outcome, "is as before": scene.place.examined() == former}


SCENARIOS = {each.__name__: each for each in (keep, keep_read_only, refuse_to_begin, die_with_it, end_with_it, sign_in)}


@contextmanager
def scene(folder: Path, knobs: Knobs) -> Generator[Scene]:
    run("ip", "link", "set", "lo", "up")
    disk = Disk(folder)
    with Zygote() as zygote, ground(zygote, knobs, at=folder) as place:
        place.sign_in(age=7200)
        yield Scene(place, disk)
        complaints = zygote.hear_complaints()
        assert not complaints, complaints


if __name__ == "__main__":
    with scene(Path(sys.argv[1]), Knobs(grace=float(sys.argv[3]))) as made:
        sys.stdout.write(json.dumps(SCENARIOS[sys.argv[2]](made)))
