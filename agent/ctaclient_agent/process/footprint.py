"""Keeping a process that runs for months small."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_M_ARENA_MAX = -8  # <malloc.h>


def slim() -> None:
    """Save memory that serves nothing here. Before httpx is imported and threads are started."""
    # httpx imports its own command line: click, and where they are installed rich and pygments, 5 MB in all. None says
    # that there is no such module (Python's import system, "The module cache"), which httpx is prepared for.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    if sys.platform.startswith("linux"):
        # glibc gives threads heaps of their own, and each grows to what one refresh needs: one heap for all saves about
        # 1 MB. Other C libraries have no such function, and no such heaps.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
