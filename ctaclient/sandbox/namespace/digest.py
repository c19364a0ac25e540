"""Checksums on demand, remembered until the file changes: no sidecar files, so tests may put files in directly."""

from __future__ import annotations

import base64
import hashlib
import os
import time
import zlib

from ctaclient.sandbox.serving.body import BLOCK_BYTES

# dCache prefers the strongest of what it has, whatever the order in the header (storage.md 2.2).
ALGORITHMS = ("md5", "adler32")

_UNSETTLED_NS = 100_000_000
_REMEMBERED = 10_000


class DigestCache:
    """RFC 3230 values of files: md5 in base64, adler32 as 8 hex digits."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, int, int, int, int], str] = {}

    def value(self, fd: int, algorithm: str) -> str:
        """The digest of an open file."""
        info = os.fstat(fd)
        key = (algorithm, info.st_dev, info.st_ino, info.st_mtime_ns, info.st_size)
        found = self._values.get(key)
        if found is None:
            found = _compute(fd, algorithm)
            # Within one tick of the clock a file can change without its mtime telling.
            if time.time_ns() - info.st_mtime_ns > _UNSETTLED_NS:
                if len(self._values) >= _REMEMBERED:
                    self._values.clear()
                self._values[key] = found
        return found

    def digest_header(self, fd: int, wanted: str | None) -> dict[str, str]:
        """The Digest header that answers `Want-Digest`; nothing if none of the wanted is known."""
        algorithm = choose_algorithm(wanted)
        return {} if algorithm is None else {"Digest": f"{algorithm}={self.value(fd, algorithm)}"}


def choose_algorithm(wanted: str | None) -> str | None:
    """The acceptable algorithm with the highest q-value, the strongest among equals."""
    best: tuple[float, str] | None = None
    for item in (wanted or "").split(","):
        name, _, parameter = item.partition(";")
        name = name.strip().lower()
        quality = _quality(parameter)
        if name in ALGORITHMS and quality > 0 and (best is None or (quality, name) > best):
            best = (quality, name)
    return best[1] if best else None


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _compute(fd: int, algorithm: str) -> str:
    buffer = memoryview(bytearray(BLOCK_BYTES))
    position, running = 0, 1
    md5 = hashlib.md5(usedforsecurity=False)
    while size := os.preadv(fd, [buffer], position):
        if algorithm == "md5":
            md5.update(buffer[:size])
        else:
            running = zlib.adler32(buffer[:size], running)
        position += size
    return base64.b64encode(md5.digest()).decode() if algorithm == "md5" else f"{running:08x}"
