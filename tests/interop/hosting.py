"""How our Python test servers run: a loopback port, one line that tells it, and an end when asked or when the test run dies."""

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

App = Callable[..., Any]


def serve(build: Callable[[str], App], *, port: int) -> None:
    """Serves the application, built for its own origin since its metadata names it, until SIGTERM or the end of stdin."""
    with bind(port) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(
            # An agent keeps an event stream open as long as it lives; a stopping server does not wait for that.
            uvicorn.Config(build(origin), log_level="warning", timeout_graceful_shutdown=1, ws="none"),
        )
        # uvicorn hands the signal on once it has shut down, and the default handler would end us before the state is written.
        signal.signal(signal.SIGTERM, let_pass)
        threading.Thread(target=end_with_stdin, daemon=True).start()
        announce(origin=origin, control_url=origin, port=listener.getsockname()[1])
        server.run(sockets=[listener])


def let_pass(_signal: int, _frame: FrameType | None) -> None:
    pass


def bind(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    # Listening before the announcement: whoever reads it may connect at once.
    listener.listen(128)
    return listener


def announce(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def end_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
