"""
Pictures of the terminal app as it was drawn when somebody looked at it last, and judged it good.

    HANDSTAMP_SNAPSHOTS=write make test ARGS="tests/tui"      draws them anew; then open what changed and look at it
"""

import os
import re
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

__all__ = ["assert_drawn", "draw"]

PICTURES = Path(__file__).parent / "pictures"
DRAWN = Path(__file__).parents[2] / "build" / "pictures"
AT_REST = 5
"""So many pictures of the same."""
PATIENCE = 100
# A viewer would fetch the letters from somebody else's server; without these lines it takes its own.
FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


async def draw(pilot: Pilot[Any]) -> str:
    """
    The screen as SVG, the same for the same screen; once it has come to rest.

    A footer follows the focus some turns of the loop later, and the screen is laid out sixty times a second at most.
    """
    drawn = [_draw(pilot)]
    while len(drawn) < AT_REST or len(set(drawn[-AT_REST:])) > 1:
        await pilot.pause()
        drawn.append(_draw(pilot))
    return drawn[-1]


async def assert_drawn(pilot: Pilot[Any], name: str) -> None:
    """Fails where the screen does not become as in `pictures/NAME.svg`; what was drawn instead is left in `build/pictures`."""
    picture = PICTURES / f"{name}.svg"
    if os.environ.get("HANDSTAMP_SNAPSHOTS") == "write":
        PICTURES.mkdir(exist_ok=True)
        picture.write_text(await draw(pilot))
    expected = picture.read_text() if picture.exists() else ""
    for _ in range(PATIENCE):
        if _draw(pilot) == expected:
            return
        await pilot.pause()
    DRAWN.mkdir(parents=True, exist_ok=True)
    (DRAWN / picture.name).write_text(await draw(pilot))
    raise AssertionError(f"{picture.name} differs: compare with build/pictures/{picture.name}")


def _draw(pilot: Pilot[Any]) -> str:
    return FONT_FACE.sub("", pilot.app.export_screenshot(title="handstamp")) + "\n"
