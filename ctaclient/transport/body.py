"""Request bodies that can be sent again: redirects, a new token and retries all start from byte 0."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Protocol

import httpx

from ctaclient.errors import Changed, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BLOCK_BYTES = 256 * 1024


class BodySource(Protocol):
    """Something that can be read from the start as often as needed."""

    @property
    def size_bytes(self) -> int:
        """How many bytes `open()` gives, each time."""
        ...

    def open(self) -> BinaryIO:
        """The content from byte 0. The caller closes it. Raises Changed when it is not what it was."""
        ...

    def check_unchanged(self) -> None:
        """Raise Changed when the content is no longer what it was when this object was made."""
        ...


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size_bytes(self) -> int:
        return len(self._data)

    def open(self) -> BinaryIO:
        return io.BytesIO(self._data)

    def check_unchanged(self) -> None:
        pass


class FileSource:
    """A local file as it was when this object was made. Raises NotFound when there is none, UsageError for a pipe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            info = os.stat(path)
        except FileNotFoundError:
            raise NotFound(f"{path} does not exist") from None
        if not stat.S_ISREG(info.st_mode):
            raise UsageError(f"{path} is not a regular file", hint="its size and content must be the same each time")
        self._seen = _identity(info)

    @property
    def size_bytes(self) -> int:
        return self._seen[2]

    def open(self) -> BinaryIO:
        file = open(self._path, "rb", buffering=0)  # noqa: PTH123, SIM115 - unbuffered; the caller closes it
        if _identity(os.fstat(file.fileno())) != self._seen:
            file.close()
            raise self._changed()
        return file

    def check_unchanged(self) -> None:
        try:
            same = _identity(os.stat(self._path)) == self._seen
        except FileNotFoundError:
            same = False
        if not same:
            raise self._changed()

    def _changed(self) -> Changed:
        return Changed(f"{self._path} changed while it was being sent", hint="put it again when nothing writes to it")


class SourceStream(httpx.SyncByteStream):
    """A BodySource as httpx sees it; each iteration starts anew.

    `restart` is called before the first block of each pass and `seen` with each block: checksums and progress count
    what was sent last, not the sum of all attempts.
    """

    def __init__(
        self,
        source: BodySource,
        *,
        restart: Callable[[], None] | None = None,
        seen: Callable[[bytes], None] | None = None,
    ) -> None:
        self._source = source
        self._restart = restart
        self._seen = seen

    def __iter__(self) -> Iterator[bytes]:
        if self._restart:
            self._restart()
        with self._source.open() as file:
            while block := file.read(BLOCK_BYTES):
                if self._seen:
                    self._seen(block)
                yield block


def _identity(info: os.stat_result) -> tuple[int, int, int, int]:
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns
