"""An advisory lock on a private file. The kernel frees it when its holder dies, so there are no stale ones."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Self

from ctaclient._util.private import check_private, explain_refusal
from ctaclient.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctaclient._util.clock import Clock

_POLL_S = 0.1
# Who has a login's lock has a token request under way, of 30 s at most.
LIMIT_S = 40.0


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

    @contextlib.contextmanager
    def within(self, clock: Clock, limit_s: float = LIMIT_S) -> Iterator[None]:
        """Hold the lock, once it was got in `limit_s`. Raises AgentError, naming the holder, when it was not."""
        deadline = clock.monotonic() + limit_s
        while not self.acquire(wait=False):
            if clock.monotonic() >= deadline:
                pid = _holder(self.path)
                raise AgentError(
                    f"{self.path} has been held by {f'pid {pid}' if pid else 'another process'} for {limit_s:.0f} s",
                    hint=f"if that process is stopped: kill -CONT {pid}" if pid else "try again later",
                )
            clock.sleep(_POLL_S)
        try:
            yield
        finally:
            self.release()

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


def _holder(path: Path) -> int | None:
    """The process of this machine that holds the lock on `path`, where the system shows that (proc_locks(5))."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        inode = os.stat(path).st_ino
        with open("/proc/locks", encoding="ascii") as lines:  # noqa: PTH123 - the kernel's
            # 1: FLOCK  ADVISORY  WRITE 708 00:2f:1234 0 EOF
            rows = [line.split() for line in lines]
        held = [row for row in rows if row[1] == "FLOCK" and int(row[5].rpartition(":")[2]) == inode]
        return next((int(row[4]) for row in held if _has_open(int(row[4]), path)), None)
    return None


def _has_open(pid: int, path: Path) -> bool:
    """Whether the process has `path` open: file systems have files of the same number."""
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                if os.path.samefile(f"/proc/{pid}/fd/{fd}", path):
                    return True
    return False
