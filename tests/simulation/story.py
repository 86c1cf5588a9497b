"""What happened, for a person to read."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulation.world import World

__all__ = ["Story"]


class Story:
    """A line for each thing that happened: when, who, what."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, world: "World", who: str, says: str) -> None:
        seconds = world.scheduler.now + world.machine.slept
        self.lines.append(f"{seconds:12.3f}  {who:14} {says}")

    def __str__(self) -> str:
        return "\n".join(self.lines)
