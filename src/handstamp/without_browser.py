"""
A sign-in where no browser is in front of the person: how to tell, and what they do instead.

Both shells say it in these words. The link itself they show each in its own way.
"""

import os
import sys
from urllib.parse import parse_qs, urlsplit

from handstamp.words import one_line

__all__ = ["OPEN_LINK", "TUNNEL", "describe_obstacle", "find_browser_obstacle", "find_tunnel", "next_steps"]

OPEN_LINK = "Open this link anywhere:"
"""The first step."""
TUNNEL = "Or let the last page load: run this where the browser is, then open the link there:"


def find_browser_obstacle() -> str | None:
    """Why a browser of this machine would not be in front of the person; None where nothing speaks against one."""
    if os.environ.get("BROWSER"):
        return None  # whoever named one means it
    if _is_ssh():
        return "SSH session"
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return "CI"
    is_desktop = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if is_desktop or os.environ.get("WSL_DISTRO_NAME"):
        return None
    return "no display"


def describe_obstacle(obstacle: str | None) -> str:
    """Why the person gets steps and no browser. `obstacle` is None where one was tried."""
    return f"No browser on this machine ({obstacle or 'none could be opened'})"


def next_steps(*, elsewhere: bool) -> tuple[str, str]:
    """The second step and the third. `elsewhere`: the browser is surely on another machine, and reaches none of our ports."""
    if elsewhere:
        return (
            "Approve. The last page will not load — that is expected.",
            "Copy its address from the address bar and paste it here.",
        )
    return (
        "Approve. If the browser is on another machine, the last page will not load — that is expected.",
        "Then copy its address from the address bar and paste it here.",
    )


def find_tunnel(authorization_url: str) -> str | None:
    """The command that lets the last page load; None where nobody came here by SSH."""
    port = _callback_port(authorization_url)
    if port is None or not _is_ssh():
        return None
    return f"ssh -N -L {port}:127.0.0.1:{port} {_ssh_destination()}"


def _is_ssh() -> bool:
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def _callback_port(authorization_url: str) -> int | None:
    redirect = parse_qs(urlsplit(authorization_url).query).get("redirect_uri", [""])[0]
    try:
        return urlsplit(redirect).port
    except ValueError:
        return None


def _ssh_destination() -> str:
    """This machine as the person reached it: the third field of SSH_CONNECTION is the address that they connected to."""
    fields = os.environ.get("SSH_CONNECTION", "").split()
    user = os.environ.get("USER") or os.environ.get("LOGNAME")
    address = fields[2] if len(fields) == 4 else "HOST"
    return one_line(f"{user}@{address}" if user else address)
