"""Where the agent listens: in the runtime directory, or where the holder of the store's lease says, if that is near.

cron and ssh may have different runtime directories on one machine; the agent that refreshes is one all the same.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient._util.private import read_private
from ctaclient.errors import CtaError

if TYPE_CHECKING:
    from collections.abc import Iterator


def sockets(runtime_socket: Path, store: Path) -> Iterator[Path]:
    """The sockets at which to try, the likeliest first."""
    yield runtime_socket
    if (other := _of_holder(store)) is not None and other != runtime_socket:
        yield other


def boot() -> str:
    """One boot of one machine and, as containers share the machine's, its space of process numbers; or empty."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = os.readlink("/proc/self/ns/pid").removeprefix("pid:").strip("[]")
    except (OSError, UnicodeDecodeError):
        return ""
    return f"{boot_id} {space}"


def _of_holder(store: Path) -> Path | None:
    try:
        posts = [int(name) for name in os.listdir(store / "lease") if re.fullmatch(r"[1-9][0-9]{0,17}", name)]
        note = json.loads(read_private(store / "lease" / str(max(posts))))
        near, path = bool(note["boot"]) and note["boot"] == boot(), str(note["socket"])
        return Path(path) if near and path and b"\0" not in os.fsencode(path) else None
    except (OSError, CtaError, ValueError, KeyError, TypeError, RecursionError):
        return None
