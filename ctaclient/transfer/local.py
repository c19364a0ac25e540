"""Local files: the part file of a download, and what the disk's errors mean."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from typing import TYPE_CHECKING

from ctaclient._util.private import sync_directory
from ctaclient.errors import CtaError, Exists, NoSpace, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class PartFile:
    """The file that a download writes to, beside its target; it becomes the target or vanishes.

    Use it in a `with` block. The name is our own, so that two downloads of one file do not meet in it.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_name(f".ctaclient-{secrets.token_hex(8)}.part")
        with local_errors(f"cannot write {target}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self.fd = os.open(self._path, flags, _mode_for(target))

    def publish(self, *, overwrite: bool) -> None:
        """Make it durable and give it its name. Raises Exists when, without `overwrite`, something took the name."""
        with local_errors(f"cannot write {self._target}"):
            _sync_data(self.fd)
            if overwrite:
                os.replace(self._path, self._target)
            else:
                self._rename_if_absent()
            sync_directory(self._target.parent)

    def _rename_if_absent(self) -> None:
        try:
            # link fails where the name is taken; a rename would replace what another process just put there.
            os.link(self._path, self._target)
        except FileExistsError:
            raise Exists(f"{self._target} appeared during the download", hint="add --overwrite to replace it") from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            if os.path.lexists(self._target):  # a file system without hard links: look, then rename
                raise Exists(f"{self._target} exists", hint="add --overwrite to replace it") from None
            os.rename(self._path, self._target)
        else:
            os.unlink(self._path)

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)


def _mode_for(target: Path) -> int:
    """Never wider than what it replaces: who made a file private wants its next version private too."""
    try:
        info = os.lstat(target)
    except FileNotFoundError:
        return 0o666
    return stat.S_IMODE(info.st_mode) & 0o777 if stat.S_ISREG(info.st_mode) else 0o666


@contextlib.contextmanager
def local_errors(doing: str) -> Iterator[None]:
    """Errors of the local disk as ours."""
    try:
        yield
    except CtaError:
        raise
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise NoSpace(f"{doing}: {why}", hint="free space on this disk") from None
        if isinstance(error, FileNotFoundError):
            raise NotFound(f"{doing}: {why}") from None
        if isinstance(error, FileExistsError):
            raise Exists(f"{doing}: something else is there") from None
        if isinstance(error, IsADirectoryError | NotADirectoryError):
            raise UsageError(f"{doing}: {why}") from None
        raise CtaError(f"{doing}: {why}", hint="check the path and its permissions") from None
