"""Reading the agent's log files, oldest first, and following them while they rotate."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Self

from ctaclient._util.private import check_private, explain_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctaclient._util.clock import Clock

_POLL_S = 0.25
# More than the agent keeps, so that a later release may keep more.
_MAX_FILES = 10


class LogFiles:
    """`path` and the rotated `path.1`, `path.2`, the higher the older. Closed by `with`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def read(self) -> Iterator[bytes]:
        """All lines up to now; `follow` goes on from there. Raises UnsafePath for a file that others could write."""
        for file in self._opened():
            if self._file is not None:
                self._file.close()
            self._file = file
            yield from _lines(file)

    def follow(self, clock: Clock) -> Iterator[bytes]:
        """New lines as they come, without end."""
        while True:
            if self._file is not None:
                yield from _lines(self._file)
            newer = self._newer()
            if newer:
                if self._file is not None:
                    yield from _lines(self._file)  # what was written before it was renamed
                    self._file.close()
                for file in newer[:-1]:
                    yield from _lines(file)
                    file.close()
                self._file = newer[-1]
            else:
                clock.sleep(_POLL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _newer(self) -> list[IO[bytes]]:
        """The files after the one that is being read, opened; none while it is the newest."""
        if self._file is None:
            return self._opened()
        current = os.fstat(self._file.fileno())
        files: list[IO[bytes]] = []
        for path in self._paths():
            try:
                file = _open(path)
            except FileNotFoundError:
                continue
            if os.path.samestat(os.fstat(file.fileno()), current):
                file.close()
                break
            files.append(file)
        return files[::-1]

    def _opened(self) -> list[IO[bytes]]:
        """All files, the oldest first. Newest first opened: what rotates meanwhile is met twice rather than missed."""
        files: list[IO[bytes]] = []
        for path in self._paths():
            try:
                file = _open(path)
            except FileNotFoundError:
                continue
            if any(os.path.samestat(os.fstat(file.fileno()), os.fstat(each.fileno())) for each in files):
                file.close()
            else:
                files.append(file)
        return files[::-1]

    def _paths(self) -> Iterator[Path]:
        yield self._path
        for number in range(1, _MAX_FILES):
            yield self._path.with_name(f"{self._path.name}.{number}")


def _open(path: Path) -> IO[bytes]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        explain_refusal(path, error)
        raise
    try:
        check_private(path, os.fstat(fd), directory=False)
        return os.fdopen(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The complete lines from here on; half a line waits for the rest."""
    while True:
        position = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            file.seek(position)
            return
        yield line
