"""An advisory lock on a private file. The kernel frees it when its holder dies, so there are no stale ones."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Self

from ctaclient._util.private import check_private, explain_refusal

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """`flock` on `path`, which must lie in a private directory. The content is for people and for `read`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self, *, wait: bool) -> bool:
        """Take the lock; with `wait` for as long as it takes, else return False when somebody else has it."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            explain_refusal(self.path, error)
            raise
        try:
            check_private(self.path, os.fstat(fd), directory=False)
            os.fchmod(fd, 0o600)  # the umask may have taken bits that the next holder needs
            # open for writing: over NFS an exclusive flock is a byte-range lock and needs it (flock(2)).
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return True

    def write(self, data: bytes) -> None:
        """Say who holds it."""
        if self._fd is None:
            raise RuntimeError("write() needs the lock")
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, data, 0)

    def is_gone(self) -> bool:
        """Whether the file that we hold has been deleted or replaced."""
        if self._fd is None:
            return False
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self._fd))
        except FileNotFoundError:
            return True

    def release(self) -> None:
        """Give it back; does nothing when it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire(wait=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
