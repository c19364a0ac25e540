"""Checksums of local bytes, while they pass or of a whole file."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Cheapest first: adler32 is what dCache stores for every file, at about 4 GB/s of one core.
ALGORITHMS = ("adler32", "md5", "sha1", "sha256", "sha512")
_BLOCK_BYTES = 1024 * 1024


class Checksum(Protocol):
    """A running checksum, as hashlib's."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""
        ...

    def hexdigest(self) -> str:
        """Lower-case hex of all bytes so far."""
        ...


class Adler32:
    """zlib's adler32 with hashlib's manners: eight hex digits, leading zeros kept."""

    def __init__(self) -> None:
        self._value = 1

    def reset(self) -> None:
        """Begin anew."""
        self._value = 1

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = zlib.adler32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def new_checksum(algorithm: str) -> Checksum:
    """A running checksum; `algorithm` is one of ALGORITHMS."""
    if algorithm == "adler32":
        return Adler32()
    return hashlib.new(algorithm, usedforsecurity=False)


def choose(checksums: Mapping[str, str]) -> tuple[str, str] | None:
    """The cheapest (algorithm, hex) of those given, or None."""
    return next(((name, checksums[name]) for name in ALGORITHMS if name in checksums), None)


def file_checksum(path: Path, algorithm: str) -> str:
    """The checksum of a local file."""
    running = new_checksum(algorithm)
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK_BYTES):
            running.update(block)
    return running.hexdigest()
