"""Trees as items, in the order in which they can be carried out: a directory before what is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.errors import CtaError, UsageError
from ctaclient.storage.listing import walk
from ctaclient.transfer.local import local_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctaclient.storage.entry import Entry
    from ctaclient.storage.path import RemotePath
    from ctaclient.storage.storage import Storage


@dataclass(frozen=True, slots=True)
class UploadItem:
    """A local file or directory and where it goes; `error` says why it cannot."""

    local: Path
    remote: RemotePath
    is_dir: bool = False
    error: CtaError | None = None


@dataclass(frozen=True, slots=True)
class DownloadItem:
    """A remote entry and where it goes; `error` (with the directory's path) says why what is in it is not known."""

    remote: RemotePath
    local: Path
    entry: Entry | None = None
    error: CtaError | None = None


def local_tree(top: Path, target: RemotePath) -> Iterator[UploadItem]:
    """`top` and everything in it. Symbolic links are followed, except where that would go round in circles."""
    yield from _below(top, target, frozenset())


def remote_tree(storage: Storage, top: Entry, target: Path) -> Iterator[DownloadItem]:
    """`top` and everything in it, as the listings arrive."""
    yield DownloadItem(top.path, target, top)
    failed: list[DownloadItem] = []

    def place(path: RemotePath) -> Path:
        # RemotePath has refused `..`, `/` and NUL in each name: nothing here can leave `target`.
        return target.joinpath(*path.segments[len(top.path.segments) :])

    for entry in walk(
        storage, top.path, lambda path, error: failed.append(DownloadItem(path, place(path), None, error))
    ):
        yield DownloadItem(entry.path, place(entry.path), entry)
        yield from failed
        failed.clear()
    yield from failed


def _below(directory: Path, remote: RemotePath, above: frozenset[tuple[int, int]]) -> Iterator[UploadItem]:
    try:
        with local_errors(f"cannot read {directory}"):
            info = os.stat(directory)
            if (info.st_dev, info.st_ino) in above:
                raise UsageError(f"{directory} is a link to a directory it is in")
            children = sorted(os.scandir(directory), key=lambda child: child.name)
    except CtaError as error:
        yield UploadItem(directory, remote, is_dir=True, error=error)
        return
    yield UploadItem(directory, remote, is_dir=True)
    inside = above | {(info.st_dev, info.st_ino)}
    for child in children:
        path, target = Path(child.path), remote.child(child.name)
        try:
            is_dir, is_file = child.is_dir(), child.is_file()
        except OSError:  # a link to itself, or one that leads where we may not look
            is_dir = is_file = False
        if is_dir:
            yield from _below(path, target, inside)
        elif is_file:
            yield UploadItem(path, target)
        else:
            why = UsageError(f"{path} is neither file nor directory, or a link to nothing")
            yield UploadItem(path, target, error=why)
