"""What other programs of the same user can see of ours while they run: arguments and environments in /proc."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Self

_PROC = Path("/proc")


class ProcWatcher:
    """Reads /proc over and over until the `with` block ends. `seen` maps a command line to the environments it had."""

    def __init__(self, mark: str) -> None:
        self._mark = mark.encode()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seen: dict[bytes, set[bytes]] = {}

    def _watch(self) -> None:
        while not self._done.wait(0.002):
            for entry in _PROC.iterdir():
                if entry.name.isdigit():
                    self._look(entry)

    def _look(self, process: Path) -> None:
        with contextlib.suppress(OSError):  # gone, or not ours to look at
            environ = (process / "environ").read_bytes()
            if self._mark in environ:
                self.seen.setdefault((process / "cmdline").read_bytes(), set()).add(environ)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
