"""
Opens the person's own browser (A-81).

The address comes, in part, from a server: it goes to a program as one argument and never through a shell, and only if it is
plainly a web address (TC1 to TC4, TC7). A browser that does not open is no failure: the login shows the link.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePath

__all__ = ["SystemBrowser"]

# RFC 3986's characters and no others: no space, double quote, backquote, backslash or control.
WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9\[][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")
MAX_ADDRESS = 8 * 1024

# One program and nothing else: "sh -c %s" is the invitation that TC4 declines.
PROGRAM = re.compile(r"[A-Za-z0-9/_.][A-Za-z0-9/_.+-]*")

# These take their argument for a program text, a file of one, or a command: no browser, whatever it is that named them (TC4).
RUNNERS = frozenset(
    (
        *("ash", "bash", "csh", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "yash", "zsh"),
        *("cmd", "cscript", "mshta", "osascript", "powershell", "pwsh", "rundll", "start", "wscript"),
        *(
            "awk",
            "bun",
            "deno",
            "expect",
            "gawk",
            "lua",
            "node",
            "nodejs",
            "perl",
            "php",
            "pypy",
            "python",
            "ruby",
            "tclsh",
            "wish",
        ),
        *(
            "busybox",
            "doas",
            "env",
            "exec",
            "nice",
            "nohup",
            "setsid",
            "ssh",
            "stdbuf",
            "su",
            "sudo",
            "time",
            "timeout",
            "toybox",
            "xargs",
        ),
    )
)

OPENERS = (
    "xdg-open",
    "wslview",
    "x-www-browser",
    "firefox",
    "google-chrome",
    "chromium",
    "chromium-browser",
    "brave-browser",
    "microsoft-edge",
)


class SystemBrowser:
    """
    Fulfils `Browser`. `$BROWSER`, if it names one program, wins over the desktop's choice, and is also tried where there is
    no desktop: in CI, over SSH, without a display.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def open(self, url: str) -> bool:
        """True if a browser was started; whether it shows the page, nobody knows. Never raises, waits or uses a shell."""
        if len(url) > MAX_ADDRESS or not WEB_ADDRESS.fullmatch(url):
            return False
        if sys.platform == "win32":
            return not self._is_headless() and _open_on_windows(url)
        return any(_start(program, url, self._child_environ()) for program in self._find_programs())

    def _find_programs(self) -> Iterator[str]:
        """In the order in which to try them. None where nobody sits at this machine and no `$BROWSER` is set."""
        if chosen := self._find_chosen():
            yield chosen
            return
        if self._is_headless():
            return
        if sys.platform == "darwin":
            yield "/usr/bin/open"
            return
        yield from filter(None, map(self._which, OPENERS))

    def _find_chosen(self) -> str | None:
        chosen = self._environ.get("BROWSER", "")
        if not PROGRAM.fullmatch(chosen) or ("/" in chosen and not chosen.startswith("/")):
            return None
        found = self._which(chosen)
        # By the name that was given and by the file that it leads to: a link is no way around.
        return None if found is None or _is_runner(chosen) or _is_runner(os.path.realpath(found)) else found

    def _which(self, name: str) -> str | None:
        found = shutil.which(name, path=self._environ.get("PATH", os.defpath))
        # A relative entry of PATH would run whatever lies in the current directory.
        return found if found and PurePath(found).is_absolute() else None

    def _is_headless(self) -> bool:
        if self._environ.get("CI", "").lower() not in ("", "0", "false"):
            return True
        if self._has("SSH_CONNECTION") or self._has("SSH_TTY"):
            return True
        needs_display = sys.platform not in ("darwin", "win32") and not self._has("WSL_DISTRO_NAME")
        return needs_display and not self._has("DISPLAY") and not self._has("WAYLAND_DISPLAY")

    def _has(self, name: str) -> bool:
        return bool(self._environ.get(name))

    def _child_environ(self) -> dict[str, str]:
        # xdg-open reads $BROWSER too and would run one that we declined. And what only we may know does not travel.
        return {name: value for name, value in self._environ.items() if name != "BROWSER" and not name.startswith("HANDSTAMP_")}


def _is_runner(program: str) -> bool:
    """`/usr/bin/python3.11` and `CMD.EXE` too."""
    return PurePath(program).name.lower().removesuffix(".exe").rstrip("-.0123456789") in RUNNERS


def _start(program: str, url: str, environ: dict[str, str]) -> bool:
    import subprocess
    from threading import Thread

    try:
        process = subprocess.Popen(
            [program, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environ,
        )
    except (OSError, ValueError):
        return False
    # Somebody has to take its exit status, or it stays a zombie as long as we run.
    Thread(target=process.wait, name="handstamp-browser", daemon=True).start()
    return True


if sys.platform == "win32":

    def _open_on_windows(url: str) -> bool:
        try:
            os.startfile(url)
        except OSError:
            return False
        return True

else:

    def _open_on_windows(url: str) -> bool:
        return False
