"""
Pictures of the page on which a sign-in ends, for people to look at: `PYTHONPATH=src:tests python -m interop.screenshots FOLDER`.

Each outcome, light and dark, on a phone and on a desktop, under its own headers: what the policy forbids is missing there too.
"""

import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from chromium import Chromium
from handstamp.callback.page import AlreadyFinished, NotThisLogin, Outcome, headers, render, status
from handstamp.model import LoginFailed, SignedIn
from requires import require

__all__ = ["OUTCOMES", "serve_pages"]

HOSTILE = '<b>Linear</b> \u202eevil\u202c " onload=x ' + "W" * 200
REFUSED = 'linear.app answered the sign-in with access_denied ("You pressed Deny, so nothing was shared.").'

OUTCOMES: Mapping[str, Outcome] = {
    "signed-in": SignedIn("linear", "me@example.com", ("read", "write", "issues:create")),
    "signed-in-bare": SignedIn("linear"),
    "signed-in-hostile": SignedIn(HOSTILE, HOSTILE, (HOSTILE,) * 40),
    "failed": LoginFailed("linear", "access_denied", REFUSED, "handstamp login linear"),
    "failed-hostile": LoginFailed(HOSTILE, HOSTILE, HOSTILE * 3, f"handstamp login '{'x' * 70}'"),
    "finished": AlreadyFinished(),
    "stranger": NotThisLogin(),
}
SIZES = {"phone": (390, 760), "desktop": (1280, 800)}


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        outcome = OUTCOMES[self.path[1:]]
        self.send_response(status(outcome))
        for name, value in headers():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(render(outcome))

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve_pages() -> Generator[str]:
    """Where the pages are, each below its name."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def main(folder: Path) -> None:
    """Writes `outcome-scheme-size.png` for each."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        serve_pages() as origin,
        Chromium(require("chromium"), Path(profile)) as chromium,
    ):
        tab = chromium.open_tab()
        for name in OUTCOMES:
            tab.go(f"{origin}/{name}")
            for scheme in ("light", "dark"):
                for size, (width, height) in SIZES.items():
                    picture = tab.shoot(width=width, height=height, scheme=scheme)
                    (folder / f"{name}-{scheme}-{size}.png").write_bytes(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
