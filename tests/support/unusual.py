"""States of a machine that tests cannot bring about by asking for them: no more threads, a store that is away."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def no_threads() -> Iterator[None]:
    """No thread can be started, as at the limit of processes (which root has not): none has so large a stack."""
    before = threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(before)


@contextlib.contextmanager
def away(directory: Path) -> Iterator[None]:
    """Whoever asks for `directory` gets an OSError that is neither «no such file» nor «permission denied».

    It is ENAMETOOLONG, in place of EIO, ESTALE or EKEYEXPIRED of a network file system.
    """
    kept, link = directory.with_name("kept"), directory.with_name("link")
    link.symlink_to("x" * 300)
    directory.rename(kept)
    link.rename(directory)
    try:
        yield
    finally:
        os.unlink(directory)
        kept.rename(directory)
