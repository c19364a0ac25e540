"""Where response bytes go without passing through Python objects of their own."""

from __future__ import annotations

import os
from typing import Protocol


class Sink(Protocol):
    """Takes blocks by offset. `block` is only good during the call: its buffer is used again."""

    def write(self, offset: int, block: memoryview) -> None:
        """Store `block` at `offset` bytes from the start of the content."""
        ...


class FileSink:
    """An open file descriptor; does not close it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, offset: int, block: memoryview) -> None:
        while block:
            done = os.pwrite(self._fd, block, offset)
            block, offset = block[done:], offset + done
