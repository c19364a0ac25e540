"""The stored files: a tree entered step by step without following symbolic links, so that nothing leads out of it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from ctaclient.sandbox.namespace.path import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Node:
    """What `stat` says of a file or directory."""

    is_directory: bool
    size_bytes: int
    mtime_ns: int
    inode: int

    @property
    def etag(self) -> str:
        """`"<id>_<int>"`, the int being Java's hash of the mtime in ms, as at dCache (storage.md 1.8)."""
        mtime_ms = self.mtime_ns // 1_000_000
        mixed = (mtime_ms ^ (mtime_ms >> 32)) & 0xFFFFFFFF
        return f'"{self.inode:036X}_{mixed - (1 << 32) if mixed >> 31 else mixed}"'


class Tree:
    """All methods raise the OSError of the system call: FileNotFoundError, NotADirectoryError, FileExistsError …

    Anything but files and directories is treated as missing.
    """

    def __init__(self, root: pathlib.Path) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def look(self, path: Path) -> Node:
        """The node at `path`."""
        if not path:
            return _node(os.fstat(self._root))
        with self._parent(path) as parent:
            return _node(os.stat(path[-1], dir_fd=parent, follow_symlinks=False))

    def find(self, path: Path) -> Node | None:
        """The node at `path`, or None."""
        try:
            return self.look(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def children(self, path: Path) -> list[tuple[bytes, Node]]:
        """Names and nodes of a directory, in the order of the file system."""
        found = []
        with self._enter(path) as directory:
            for name in os.listdir(directory):
                with contextlib.suppress(FileNotFoundError):
                    info = os.stat(name, dir_fd=directory, follow_symlinks=False)
                    found.append((os.fsencode(name), _node(info)))
        return found

    def open(self, path: Path, flags: int = os.O_RDONLY) -> int:
        """A descriptor of the file at `path`."""
        with self._parent(path) as parent:
            fd = os.open(path[-1], flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _error(errno.EISDIR)
        return fd

    @contextlib.contextmanager
    def opened(self, path: Path) -> Iterator[int]:
        """The same for reading, closed afterwards."""
        fd = self.open(path)
        try:
            yield fd
        finally:
            os.close(fd)

    def create(self, path: Path) -> int:
        """A descriptor of a new file; what was there is gone first, as at dCache (storage.md 1.7)."""
        with self._parent(path) as parent:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path[-1], dir_fd=parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(path[-1], flags, 0o644, dir_fd=parent)

    def make_directory(self, path: Path) -> None:
        with self._parent(path) as parent:
            os.mkdir(path[-1], 0o755, dir_fd=parent)

    def remove(self, path: Path) -> None:
        """Remove a file, or a directory with all that is in it."""
        with self._parent(path) as parent:
            if _node(os.stat(path[-1], dir_fd=parent, follow_symlinks=False)).is_directory:
                self._remove_directory(parent, path[-1])
            else:
                os.unlink(path[-1], dir_fd=parent)

    def rename(self, source: Path, target: Path) -> None:
        with self._parent(source) as old, self._parent(target) as new:
            os.rename(source[-1], target[-1], src_dir_fd=old, dst_dir_fd=new)

    def _remove_directory(self, parent: int, name: bytes) -> None:
        directory = os.open(name, _DIRECTORY, dir_fd=parent)
        try:
            for child in os.listdir(directory):
                if stat.S_ISDIR(os.stat(child, dir_fd=directory, follow_symlinks=False).st_mode):
                    self._remove_directory(directory, os.fsencode(child))
                else:
                    os.unlink(child, dir_fd=directory)
        finally:
            os.close(directory)
        os.rmdir(name, dir_fd=parent)

    @contextlib.contextmanager
    def _parent(self, path: Path) -> Iterator[int]:
        if not path:
            raise _error(errno.EISDIR)
        with self._enter(path[:-1]) as parent:
            yield parent

    @contextlib.contextmanager
    def _enter(self, path: Path) -> Iterator[int]:
        current = os.dup(self._root)
        try:
            for segment in path:
                below = os.open(segment, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def node_of(fd: int) -> Node:
    """The node of an open file."""
    return _node(os.fstat(fd))


def _node(info: os.stat_result) -> Node:
    if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
        raise _error(errno.ENOENT)
    return Node(stat.S_ISDIR(info.st_mode), info.st_size, info.st_mtime_ns, info.st_ino)
