"""One machine, its programs, the person at it, a server far away; and what happens to them."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from handstamp.model import Grant
from simulation.choices import Choices
from simulation.happenings import HAPPENINGS
from simulation.ledger import Ledger
from simulation.people import KEY
from simulation.processes import Machine, Process
from simulation.scheduler import Mutex, Scheduler
from simulation.servers import Server
from simulation.setting import Setting
from simulation.store import Disk

if TYPE_CHECKING:
    from simulation.story import Story

__all__ = ["World"]

HAPPENING_FROM = 200
"""Of the integers at a turn: those from here on let something happen from outside, those below let somebody else go on."""


class World:
    """All that a history is about."""

    def __init__(self, setting: Setting, choices: Choices, story: "Story | None" = None) -> None:
        self.setting = setting
        self.choices = choices
        self.counted: Counter[str] = Counter()
        self._story = story
        self.scheduler = Scheduler(choices)
        self.scheduler.happen = self._happen
        self.machine = Machine(self)
        self.disk = Disk(self)
        self.ledger = Ledger(self)
        self.server = Server(
            setting.model,
            setting.lifetime,
            setting.tells_lifetime,
            lambda: self.machine.time,
            self.ledger.note_revoked_by_reuse,
        )
        self.processes: list[Process] = []
        self.rejections = 0
        """Good tokens that the MCP server has rejected."""
        self.start: Callable[[], None] = lambda: None
        """Starts one more program."""
        self._happenings = [name for name in HAPPENINGS if name in setting.faults]
        self._left = setting.happenings
        self._outage: tuple[str, float] = "", 0.0

    @property
    def living(self) -> list[Process]:
        return [process for process in self.processes if not process.dead and not process.ending]

    def tell(self, who: object, says: str) -> None:
        if self._story is not None:
            self._story.tell(self, str(who), says)

    def count(self, what: str) -> None:
        self.counted[what] += 1

    def read_disk(self) -> Grant | None:
        return self.disk.store.find_grant(KEY.owner, KEY.server, KEY.account)

    def new_mutex(self) -> Mutex:
        return Mutex(self.scheduler)

    def break_server(self, how: str, seconds: float) -> None:
        """All requests share one fate for so long."""
        self._outage = how, self.scheduler.now + seconds

    def fault(self, kinds: tuple[str, ...]) -> str | None:
        """Whether a port fails now, and how."""
        if self.scheduler.calm:
            return None
        value = self.choices.fault()
        if not value:
            return None
        enabled = [kind for kind in kinds if kind in self.setting.faults]
        if not enabled:
            return None
        kind = enabled[(value - 1) % len(enabled)]
        self.count(kind)
        self.tell("**", kind)
        return kind

    def outage(self) -> str | None:
        name, until = self._outage
        return name if self.scheduler.now < until and not self.scheduler.calm else None

    def _happen(self, value: int) -> bool:
        if value < HAPPENING_FROM or not self._left or not self._happenings:
            return False
        self._left -= 1
        name = self._happenings[value % len(self._happenings)]
        self.count(name)
        self.tell("**", name)
        HAPPENINGS[name](self)
        self.scheduler.current.process.check()
        return True
