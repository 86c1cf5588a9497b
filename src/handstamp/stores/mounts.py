"""
Which file system a directory is on, and whether a vault can live there (TG18).

SQLite's log needs memory that all users of the file share, and a refresh needs a lock that excludes all of them. A network file
system gives neither between machines, and a lock that holds on one machine only would send one refresh token twice.

Linux tells what is mounted where. Elsewhere nobody asks, and SQLite itself refuses where it can.
"""

import re
import sys
from pathlib import Path

from handstamp.errors import StoreUnreachable

__all__ = ["find_file_system", "is_on_network", "refuse_network"]

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = frozenset(
    {
        "afs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "drvfs",
        "gpfs",
        "lustre",
        "ncp",
        "ncpfs",
        "nfs",
        "nfs4",
        "orangefs",
        "smb3",
        "smbfs",
    }
    | {
        "beegfs",
        "glusterfs",
        "fuse.ceph",
        "fuse.davfs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
    }
)
"""And `drvfs`, by which Linux in Windows reaches Windows' own disks: neither locks nor modes mean anything there."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def refuse_network(directory: Path) -> None:
    """Raises StoreUnreachable where the directory is on a network. Where nobody can tell, it is not."""
    if sys.platform != "linux":
        return
    try:
        mounts = MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return
    kind = find_file_system(mounts, str(directory.resolve()))
    if is_on_network(kind):
        raise StoreUnreachable(
            f"{directory} is on a network file system ({kind}), where programs on two machines could spend one refresh token:"
            " expected a local disk. HANDSTAMP_STATE_DIR names another directory."
        )


def is_on_network(kind: str) -> bool:
    """9p and overlay are not: containers and virtual machines have their local disks by them."""
    return kind in NETWORK


def find_file_system(mounts: str, path: str) -> str:
    """
    The type of what is mounted at `path`, by the text of `/proc/self/mountinfo` (proc(5)); empty where no line tells.

    Linux in Windows mounts Windows' disks as `9p`, or as `virtiofs`, of a source that says `drvfs`: then that is the type.
    """
    found, longest, inside = "", 0, f"{path}/"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        place, what = before.split(" "), after.split(" ")
        if len(place) < 5 or len(what) < 3:
            continue
        point = _ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), place[4]).rstrip("/") + "/"
        # Later lines lie over earlier ones.
        if inside.startswith(point) and len(point) >= longest:
            found, longest = _name(*what[:3]), len(point)
    return found


def _name(kind: str, source: str, options: str) -> str:
    return "drvfs" if kind in ("9p", "virtiofs") and (source.startswith("drvfs") or "aname=drvfs" in options) else kind
