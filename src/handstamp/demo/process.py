"""What the demo's two server processes share: a socket on loopback, a quiet uvicorn, a clean end."""

import signal
import socket
import sys
from hmac import compare_digest
from types import FrameType
from typing import NoReturn

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

__all__ = ["CONTROL_TOKEN_VARIABLE", "is_controller", "listen", "serve"]

CONTROL_TOKEN_VARIABLE = "HANDSTAMP_DEMO_CONTROL_TOKEN"
"""How the MCP server learns the authority's control token: in the environment, because everybody can read a command line."""


def listen(port: int) -> tuple[socket.socket, str]:
    """A listening socket on 127.0.0.1 and its origin. Who connects from now on waits until `serve` answers."""
    listener = socket.create_server(("127.0.0.1", port))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def serve(app: Starlette, listener: socket.socket) -> None:
    """Answers until SIGTERM or SIGINT, then ends the process with status 0."""
    # uvicorn raises the signal again once it has shut down; these handlers are what it then meets.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    # An open event stream would hold the end up, so it gets one second.
    config = uvicorn.Config(app, log_level="critical", access_log=False, ws="none", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


def is_controller(request: Request, control_token: str) -> bool:
    """Whether the request bears the control token, which only the process that started the demo knows."""
    return compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {control_token}".encode())


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)
