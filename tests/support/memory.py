"""How much memory a process has."""

from __future__ import annotations

import re
from pathlib import Path


def resident_kib(pid: int) -> int | None:
    """Resident memory in KiB, pages shared with other processes included; None where the platform does not tell."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS")


def proportional_kib(pid: int) -> int | None:
    """The same with each shared page divided by those who share it; None where the platform does not tell us."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss")


def _field(path: Path, name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB$", path.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
