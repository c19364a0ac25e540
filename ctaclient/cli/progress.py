"""A progress bar for people: on a terminal only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ctaclient._util.redact import printable
from ctaclient.transfer.progress import NoProgress, Progress

if TYPE_CHECKING:
    from tqdm import tqdm as Tqdm  # noqa: N812 - the class behind the name


class Bar:
    """One bar for each file, gone when the file is done."""

    def __init__(self) -> None:
        self._bar: Tqdm[Any] | None = None

    def start(self, name: str, size_bytes: int | None) -> None:
        from tqdm import tqdm

        self.finish()
        shown = printable(name, limit=40)
        self._bar = tqdm(desc=shown, total=size_bytes, unit="B", unit_scale=True, unit_divisor=1024, leave=False)

    def advance(self, size_bytes: int) -> None:
        if self._bar is not None:
            self._bar.update(size_bytes)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def progress_for(*, quiet: bool) -> Progress:
    """A bar if somebody is looking."""
    return Bar() if sys.stderr.isatty() and not quiet else NoProgress()
