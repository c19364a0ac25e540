"""Numbered files in a directory that many machines share: the highest number counts, and only one can make it.

No lock is needed, and no machine's clock is trusted. link(2) gives a number to exactly one of those who want it, over
NFS too (open(2), O_EXCL); ages are differences of times that the file server has set.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctaclient._util.private import ensure_private_dir, read_private, sync_directory
from ctaclient.errors import CtaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Lower numbers are of no use, but for somebody who has just listed the directory.
_KEPT = 4
# What link(2) says on file systems that have none.
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@dataclass(frozen=True, slots=True)
class Post:
    """One numbered file. `age_s` by the file server's clock; infinite once it was given up. `note` is its content."""

    number: int
    age_s: float
    note: dict[str, Any]


class Fence:
    """The numbered files in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def top(self) -> Post | None:
        """The post that counts, or None when there never was one."""
        self._make_directory()
        with self._candidate(b"") as (_, now):
            return self._top(now)

    def highest(self) -> int:
        """The highest number, 0 when there is none; costs no writing. Raises OSError while the store is away."""
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            os.stat(self._directory.parent)
            return 0
        return max(map(_number, names), default=0)

    def take(self, note: dict[str, Any], *, may_follow: Callable[[Post], bool]) -> int | None:
        """Become the highest, if `may_follow` says so of the one before: the number, or None when another is it."""
        self._make_directory()
        with self._candidate(json.dumps(note).encode()) as (candidate, now):
            top = self._top(now)
            if top is not None and not may_follow(top):
                return None
            number = top.number + 1 if top else 1
            if not self._link(candidate, number):
                return None
        sync_directory(self._directory)
        # Should old numbers be cleared away under a slow taker, he could make one that counts no more.
        if self.highest() != number:
            return None
        self._prune(number)
        return number

    def keep(self, number: int) -> None:
        """Set the time of a post to the file server's now."""
        os.utime(self._path(number))

    def give_up(self, number: int) -> None:
        """Let whoever wants follow at once. Does nothing when the post is gone."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._path(number), (0, 0))

    def _make_directory(self) -> None:
        if not self._directory.parent.exists():
            # A store that somebody deleted is not to come back by itself.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._directory.parent))
        ensure_private_dir(self._directory)

    def _top(self, now: float) -> Post | None:
        while number := self.highest():
            path = self._path(number)
            try:
                note = json.loads(read_private(path))
                modified = os.stat(path).st_mtime
            except FileNotFoundError:
                continue  # cleared away meanwhile: a higher one is there
            except (ValueError, RecursionError, CtaError):
                note, modified = {}, os.lstat(path).st_mtime  # being written, where links are unknown, or not ours
            age_s = now - modified if modified else float("inf")
            return Post(number, age_s, note if isinstance(note, dict) else {})
        return None

    @contextlib.contextmanager
    def _candidate(self, data: bytes) -> Any:
        """A new file with `data`, and the file server's time; removed at the end."""
        path = self._directory / f".{secrets.token_hex(8)}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                os.fchmod(fd, 0o600)
                os.write(fd, data)
                os.fsync(fd)  # over NFS only now is the time the server's
                now = os.fstat(fd).st_mtime
            finally:
                os.close(fd)
            yield path, now
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def _link(self, candidate: Path, number: int) -> bool:
        try:
            os.link(candidate, self._path(number))
        except FileExistsError:
            # Over NFS the first answer may have been lost: then the name is ours all the same (open(2)).
            return os.stat(candidate).st_nlink == 2
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return self._create(candidate, number)
        return True

    def _create(self, candidate: Path, number: int) -> bool:
        """As `_link` on file systems without links: for a moment the file is empty, which readers take for a holder."""
        try:
            fd = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return False
        try:
            os.write(fd, candidate.read_bytes())
            os.fsync(fd)
        finally:
            os.close(fd)
        return True

    def _prune(self, number: int) -> None:
        for name in os.listdir(self._directory):
            if 0 < _number(name) <= number - _KEPT:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._directory / name)

    def _path(self, number: int) -> Path:
        return self._directory / str(number)


def _number(name: str) -> int:
    """The number of a post by its file's name, 0 for any other file: `007` or `٣` would be looked for in vain."""
    return int(name) if re.fullmatch(r"[1-9][0-9]{0,17}", name) else 0
