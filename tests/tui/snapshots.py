"""
Pictures of the terminal app as it was drawn when somebody looked at it last, and judged it good.

    HANDSTAMP_SNAPSHOTS=write make test ARGS="tests/tui"      draws them anew; then open what changed and look at it
"""

import os
import re
from pathlib import Path
from typing import Any

from textual.app import App

__all__ = ["assert_drawn", "draw"]

PICTURES = Path(__file__).parent / "pictures"
DRAWN = Path(__file__).parents[2] / "build" / "pictures"
# A viewer would fetch the letters from somebody else's server; without these lines it takes its own.
FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def draw(app: App[Any]) -> str:
    """The screen as SVG, the same for the same screen."""
    return FONT_FACE.sub("", app.export_screenshot(title="handstamp")) + "\n"


def assert_drawn(app: App[Any], name: str) -> None:
    """Fails where the screen is not as in `pictures/NAME.svg`; what was drawn instead is left in `build/pictures`."""
    picture, drawn = PICTURES / f"{name}.svg", draw(app)
    if os.environ.get("HANDSTAMP_SNAPSHOTS") == "write":
        PICTURES.mkdir(exist_ok=True)
        picture.write_text(drawn)
    if not picture.exists() or picture.read_text() != drawn:
        DRAWN.mkdir(parents=True, exist_ok=True)
        (DRAWN / picture.name).write_text(drawn)
        raise AssertionError(f"{picture.name} differs: compare with build/pictures/{picture.name}")
