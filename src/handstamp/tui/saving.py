"""
A file from a server's bytes, and the system's program for it: both only where a person asked for it.

The name is ours, the file is private (0600, in a directory that is yours alone), and its ending is that of a kind that we know
and that its first bytes bear out; all else ends in `.bin`. Only pictures and sounds are opened: what can hold a program, such as
a page or an SVG, is not, whatever the server calls it.
"""

import base64
import binascii
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path, PurePath
from threading import Thread
from typing import TYPE_CHECKING

from handstamp.errors import MalformedResponse
from handstamp.stores.private_files import create_private, prepare_directory

if TYPE_CHECKING:
    from handstamp.tui.results import Attachment

__all__ = ["can_open", "open_file", "save_attachment"]

MAX_BYTES = 64 * 1024 * 1024
TEXTS = {"text/plain": "txt", "application/json": "json", "text/markdown": "md", "text/csv": "csv"}
KINDS = {
    "image/png": ("png", 0, (b"\x89PNG\r\n\x1a\n",)),
    "image/jpeg": ("jpg", 0, (b"\xff\xd8\xff",)),
    "image/gif": ("gif", 0, (b"GIF87a", b"GIF89a")),
    "image/webp": ("webp", 8, (b"WEBP",)),
    "audio/wav": ("wav", 8, (b"WAVE",)),
    "audio/x-wav": ("wav", 8, (b"WAVE",)),
    "audio/mpeg": ("mp3", 0, (b"ID3", b"\xff\xfb", b"\xff\xf3")),
    "audio/ogg": ("ogg", 0, (b"OggS",)),
    "audio/flac": ("flac", 0, (b"fLaC",)),
}
"""The ending of each kind, and what stands where in its bytes."""
OPENED = frozenset(f".{ending}" for ending, _, _ in KINDS.values())
OPENERS = ("xdg-open", "wslview")


def save_attachment(attachment: "Attachment", directory: Path, now: float) -> Path:
    """Where it lies now. Raises MalformedResponse where it is no file, StoreUnreachable where none can be made."""
    data = attachment.data.encode("utf-8", "replace") if attachment.is_text else _decode(attachment.data)
    prepare_directory(directory)
    path = _free_name(directory, now, _ending(attachment, data))
    create_private(path, data)
    return path


def can_open(path: Path) -> bool:
    """Whether it is of a kind that only draws or sounds."""
    return path.suffix in OPENED


def open_file(path: Path) -> bool:
    """Starts the system's program for a saved file. False where there is none, or where it is not of a kind to be opened."""
    if not can_open(path):
        return False
    if sys.platform == "win32":
        return _open_on_windows(path)
    opener = "/usr/bin/open" if sys.platform == "darwin" else _find_opener()
    return opener is not None and _start(opener, path)


def _decode(data: str) -> bytes:
    if len(data) > MAX_BYTES * 4 // 3:
        raise MalformedResponse(f"Expected a file of at most {MAX_BYTES // 1024 // 1024} MiB, got a larger one.")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedResponse("Expected a file in base64, got something else.") from error


def _ending(attachment: "Attachment", data: bytes) -> str:
    kind = attachment.mime_type.partition(";")[0].strip().lower()
    if attachment.is_text:
        return TEXTS.get(kind, "txt")
    ending, offset, beginnings = KINDS.get(kind, ("bin", 0, ()))
    return ending if any(data.startswith(each, offset) for each in beginnings) else "bin"


def _free_name(directory: Path, now: float, ending: str) -> Path:
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    names = (directory / f"handstamp-{moment}-{number}.{ending}" for number in range(1, 10_000))
    return next(path for path in names if not os.path.lexists(path))


def _find_opener() -> str | None:
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")):
        return None
    found = filter(None, map(shutil.which, OPENERS))
    # A relative entry of PATH would run whatever lies in the current directory.
    return next((each for each in found if PurePath(each).is_absolute()), None)


def _start(opener: str, path: Path) -> bool:
    # What only we may know does not travel.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HANDSTAMP_")}
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            [opener, str(path)], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, env=environ
        )
    except OSError:
        return False
    Thread(target=process.wait, name="handstamp-opener", daemon=True).start()
    return True


if sys.platform == "win32":

    def _open_on_windows(path: Path) -> bool:
        try:
            os.startfile(path)
        except OSError:
            return False
        return True

else:

    def _open_on_windows(path: Path) -> bool:
        return False
