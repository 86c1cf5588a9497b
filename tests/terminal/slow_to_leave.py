"""A program whose app has left the screen, and ends only once something has been typed; it then says what it reads."""

import select
import sys
from typing import Any

from handstamp.tui.quiet_app import QuietApp


class SlowToLeave(QuietApp):
    def on_mount(self) -> None:
        self.exit()

    async def _shutdown(self) -> None:
        select.select([sys.stdin], [], [])
        await super()._shutdown()


if __name__ == "__main__":
    app: Any = SlowToLeave()
    app.run()
    sys.stdout.write(f"heard {input()}\n")
