"""Copy rules, both directions, as `cp -r`: where does NAME go when DEST is given? Pure.

| DEST                                   | target      |
|----------------------------------------|-------------|
| ends in `/`, or is a directory         | DEST/NAME   |
| anything else                          | DEST        |

A source without a name (`.`, `..`, the remote root) stands for its content, which goes into DEST itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctaclient.storage.path import RemotePath


def local_name(source: str) -> str:
    """NAME of a local source; empty for `.` and `..`."""
    name = os.path.basename(source.rstrip("/"))
    return "" if name in (".", "..") else name


def remote_target(dest: RemotePath, name: str, *, directory_form: bool, is_dir: bool) -> RemotePath:
    """Where an upload called `name` goes."""
    return dest.child(name) if name and (directory_form or is_dir) else dest


def local_target(dest: str, name: str) -> Path:
    """Where a download called `name` goes."""
    path = Path(dest)
    return path / name if name and (dest.endswith("/") or path.is_dir()) else path
