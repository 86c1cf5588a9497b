"""
Writers that are killed while they refresh, one after another, at random moments (TE11).

After each kill the vault is sound and whole, and the token in it is none older than any that a writer was handed. Where a
sign-in is needed, there is a reason: the server spent that refresh token, nobody was ever handed what it gave, somebody was
killed who held the lock while that token was the stored one, with a refresh begun, and the server's grace, if it gives any, was
over when the next one came to send it again.
"""

import select
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from time import monotonic

from authority import Knobs
from endurance.ground import Ground, ground
from endurance.programs import fingerprint
from endurance.zygote import Child, Zygote
from handstamp.model import Secret

__all__ = ["Kills", "kill_again_and_again"]

WRITERS = 4
LATENCY = 0.02
LIFETIME = 0.08
"""Seconds. The server takes its tokens for a day: only the writers think that they end."""
LONGEST_WAIT = 0.1
"""Seconds between two kills: about one refresh and a half."""
SETTLING = 0.5
"""Seconds after the last one."""


@dataclass
class Kills:
    """What they came to."""

    kills: int = 0
    renewals: int = 0
    acknowledged: int = 0
    inside: int = 0
    """Kills of one that held the grant's lock."""
    pending: int = 0
    """Those of them that left word in the vault of a refresh that had been begun."""
    logins: int = 0
    explained: int = 0
    """Logins of those that fell inside a request."""
    lost: list[str] = field(default_factory=list[str])
    failures: Counter[str] = field(default_factory=Counter[str])
    """What writers were told besides, and how often."""


class Killing:
    def __init__(self, place: Ground, random: Random) -> None:
        self.came_to = Kills()
        self._place = place
        self._random = random
        self._writers = [self._start() for _ in range(WRITERS)]
        self._newest = 0
        """Rank of the newest token that anybody was handed."""
        self._acknowledged: set[str] = set()
        self._struck: set[str | None] = set()
        """Refresh tokens over which somebody was killed who held the grant's lock and had begun."""

    def run(self, kills: int) -> None:
        for writer in self._writers:
            assert writer.read_line() == "ready"
        for _ in range(kills):
            self._listen(self._random.uniform(0, LONGEST_WAIT))
            self._kill(self._random.randrange(WRITERS))
            self._look()
        self._listen(SETTLING)
        self._look()
        self.came_to.renewals = sum(each.spent is not None for each in self._place.authority.handed_out)
        self.came_to.acknowledged = len(self._acknowledged)

    def _start(self) -> Child:
        return self._place.start("renew_in_a_loop", self._place.url)

    def _listen(self, seconds: float) -> None:
        """To all writers, for so long; whoever needs a sign-in gets one."""
        ends_at = monotonic() + seconds
        while (left := ends_at - monotonic()) > 0:
            ready, _, _ = select.select([writer.stream for writer in self._writers], [], [], left)
            for writer in self._writers:
                if writer.stream in ready:
                    self._take(writer, writer.read())

    def _take(self, writer: Child, lines: list[str]) -> None:
        for line in lines:
            match line.split():
                case ["token", handed_out]:
                    self._acknowledged.add(handed_out)
                    self._newest = max(self._newest, self._place.rank(handed_out))
                case ["failed", "login_required"]:
                    self._sign_in_again()
                    writer.say("go on")
                case ["ready"]:
                    pass
                case _:
                    self.came_to.failures[line] += 1
                    writer.say("go on")

    def _kill(self, number: int) -> None:
        victim = self._writers[number]
        # Stopped first: as long as it holds the lock, nobody else writes, and the vault is what it has left.
        victim.stop()
        if self._is_renewing(victim):
            stored = self._place.stored()
            self.came_to.inside += 1
            if stored.pending is not None:
                self.came_to.pending += 1
                self._struck.add(reveal(stored.token.refresh_token))
        victim.kill()
        self.came_to.kills += 1
        self._take(victim, victim.read_to_end())
        victim.wait()
        for writer in self._writers:
            if writer is not victim:
                self._take(writer, writer.read())
        self._writers[number] = self._start()

    def _look(self) -> None:
        stored = self._place.examined()
        if self._place.rank(stored.token) < self._newest:
            self.came_to.lost.append(f"token {self._newest} after kill {self.came_to.kills}")

    def _is_renewing(self, writer: Child) -> bool:
        lock = self._place.lock()
        return lock is not None and holds(writer.pid, lock)

    def _sign_in_again(self) -> None:
        stored = self._place.stored()
        if stored.refused is None:
            return  # for another writer, just now
        self.came_to.logins += 1
        self.came_to.explained += self._is_explained(stored.token.refresh_token)
        self._place.sign_in()

    def _is_explained(self, refresh_token: Secret | None) -> bool:
        text = reveal(refresh_token)
        given = [each.access_token for each in self._place.authority.handed_out if each.spent == text]
        arrived = any(fingerprint(token) in self._acknowledged for token in given)
        authority = self._place.authority
        is_allowed = not authority.knobs.previous and authority.came_again.get(text or "", -1.0) >= authority.knobs.grace
        return bool(given) and not arrived and text in self._struck and is_allowed


def reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def holds(pid: int, lock: Path) -> bool:
    """Whether that process has the kernel's lock on that file. Linux."""
    number = str(lock.stat().st_ino)
    locks = [line.split() for line in Path("/proc/locks").read_text("ascii").splitlines()]
    # 1: FLOCK ADVISORY WRITE pid major:minor:inode 0 EOF; one that waits has an arrow before its kind.
    return any(line[1] == "FLOCK" and line[4] == str(pid) and line[5].endswith(f":{number}") for line in locks)


def kill_again_and_again(zygote: Zygote, kills: int, knobs: Knobs | None = None, *, seed: int) -> Kills:
    """At a server as `knobs` say: strict, or not."""
    with ground(zygote, replace(knobs or Knobs(), latency=LATENCY, expires_in=LIFETIME)) as place:
        killing = Killing(place, Random(seed))
        killing.run(kills)
        complaints = zygote.hear_complaints()
        assert not complaints, complaints
        return killing.came_to
