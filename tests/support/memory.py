"""How much memory a process has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


def resident_kib(pid: int) -> int:
    """Resident memory in KiB, pages shared with other processes included. Skips the test where nobody tells."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("this platform has no /proc/PID/status")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
