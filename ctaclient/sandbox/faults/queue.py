"""Faults that wait, one file each: the test adds it, the server claims it by rename, so it happens exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient._util.private import ensure_private_dir, write_private
from ctaclient.sandbox.faults.fault import Fault

if TYPE_CHECKING:
    from pathlib import Path


class FaultQueue:
    """The faults of one server, first in, first claimed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._added = 0
        ensure_private_dir(directory)

    def add(self, fault: Fault) -> None:
        """Append it `fault.times` times. One process adds."""
        for _ in range(fault.times):
            self._added += 1
            write_private(self._directory / f"{self._added:08}.json", fault.to_json())

    def waiting(self) -> list[Fault]:
        """Those not yet claimed."""
        return [Fault.from_json(path.read_bytes()) for path in sorted(self._directory.glob("*.json"))]

    def clear(self) -> None:
        """Forget those not yet claimed."""
        for path in self._directory.glob("*.json"):
            path.unlink(missing_ok=True)

    def claim(self, method: str, path: str) -> Fault | None:
        """The first one that matches, which is then gone; `path` is decoded."""
        for file in sorted(self._directory.glob("*.json")):
            try:
                fault = Fault.from_json(file.read_bytes())
                if fault.matches(method, path):
                    file.rename(file.with_suffix(".claimed"))
                    return fault
            except FileNotFoundError:  # another request was faster
                continue
        return None
