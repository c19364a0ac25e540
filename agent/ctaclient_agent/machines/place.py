"""Where a machine's own key lies: in a directory that no other machine sees, if there is one that survives a reboot."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient.config.paths import Paths

# File systems that many machines may see. FUSE may be anything: sshfs, EOS, CVMFS, GlusterFS.
_SHARED = re.compile(
    r"nfs4?|cifs|smb.*|afs|lustre|gpfs|beegfs.*|ceph|9p|virtiofs|glusterfs|fuse(\..*)?|panfs|pvfs2|orangefs"
)
_MOUNTS = Path("/proc/self/mountinfo")
_LOCAL = Path("/var/tmp")  # noqa: S108 - persistent, of this machine, and what is in it is ours and checked


def machine_directory(paths: Paths, environ: Mapping[str, str]) -> Path:
    """Below `CTACLIENT_HOME` if that is set: who puts everything into one directory means the key, too.

    Otherwise in the state directory where that is on a disk of this machine, else in /var/tmp, and where that cannot be
    written, in the state directory under this machine's name.
    """
    if environ.get("CTACLIENT_HOME"):
        return paths.state / "machine"
    mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace") if _MOUNTS.exists() else ""
    if not is_shared(paths.state, mounts):
        return paths.state / "machine"
    if os.access(_LOCAL, os.W_OK) and not is_shared(_LOCAL, mounts):
        return _LOCAL / f"ctaclient-{os.geteuid()}"
    return paths.state / f"machine-{socket.gethostname()}"


def is_shared(path: Path, mounts: str) -> bool:
    """Whether `path` lies on a file system that other machines may see, by /proc/PID/mountinfo (proc(5))."""
    wanted = os.path.realpath(path)
    best, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 6 or not right:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        # the last of equal ones hides those before
        if (wanted == point or wanted.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return bool(_SHARED.fullmatch(kind))
