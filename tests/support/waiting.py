"""The one way to wait for another process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def eventually(condition: Callable[[], object], *, timeout_s: float = 20) -> None:
    """Wait for something that another process does. Fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def looks(limit_s: float, *, every_s: float) -> Iterator[None]:
    """A look each `every_s` seconds, for `limit_s`: for what runs beside a test and judges for itself."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        yield
        time.sleep(every_s)
