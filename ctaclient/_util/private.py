"""Private files: 0600 in 0700 from the first byte, replaced atomically, refused where others could touch them.

The rules are ssh's: owner is the effective user, no bit for group or others, no symbolic link; every parent up to the
root belongs to the user or to root and is writable by its owner only (a sticky /tmp and a private group aside).
"""

from __future__ import annotations

import contextlib
import errno
import grp
import itertools
import os
import pwd
import stat
from typing import TYPE_CHECKING

from ctaclient._util.hint import command
from ctaclient.errors import UnsafePath

if TYPE_CHECKING:
    from pathlib import Path

# XRootD's client refuses a token file above 4096 bytes; a record or a sealed login stays far below this.
MAX_BYTES = 256 * 1024
_STALE_ATTEMPTS = 4


def ensure_private_dir(path: Path) -> None:
    """Make `path` (and missing parents) with mode 0700, or check the one that is there.

    Raises UnsafePath when it is a symbolic link, belongs to somebody else, or is open to group or others.
    """
    if not path.parent.exists():
        ensure_private_dir(path.parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    else:
        os.chmod(path, 0o700)  # a umask of 0777 leaves nothing, not even for us; mkdir never grants more than 0700
    check_private(path, os.lstat(path), directory=True)
    _check_parents(path)


def read_private(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """The whole content of a private file.

    Raises FileNotFoundError when it is missing, UnsafePath when somebody else could have written or read it.
    """
    for attempt in itertools.count(1):
        try:
            return _read_once(path, limit)
        except OSError as error:
            # Over NFS a file that another machine replaces while we read it is gone under our hands: open it again.
            if error.errno != errno.ESTALE or attempt == _STALE_ATTEMPTS:
                raise
    raise AssertionError


def _read_once(path: Path, limit: int) -> bytes:
    try:
        # O_NONBLOCK: a planted FIFO must not hang us.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        explain_refusal(path, error)
        raise
    try:
        check_private(path, os.fstat(fd), directory=False)
        data = os.read(fd, limit + 1)
        while len(data) <= limit and (more := os.read(fd, limit + 1 - len(data))):
            data += more
    finally:
        os.close(fd)
    if len(data) > limit:
        raise _unsafe(path, f"is larger than {limit} bytes", command("rm", path))
    return data


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` atomically and durably with `data`, mode 0600.

    The directory must be private already (`ensure_private_dir`). Readers see the old file or the new one, never a part.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600)
    try:
        try:
            os.fchmod(fd, 0o600)  # the umask can only have taken bits away
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make names in `path` durable: a rename lives in the directory, not in the file."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # CIFS and some FUSE file systems cannot
            raise
    finally:
        os.close(fd)


def read_trusted(path: Path) -> bytes:
    """The whole content of a file that others may read, but nobody else may write: the user's own, or root's.

    A link is followed (people keep their settings elsewhere) unless it leads nowhere. Raises FileNotFoundError when it
    is missing, UnsafePath when it could be somebody else's words, OSError when it is no regular file.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        if path.is_symlink():
            raise _unsafe(path, "is a symbolic link to nothing", command("rm", path)) from None
        raise
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if info.st_uid not in (0, os.geteuid()):
            raise _unsafe(path, f"belongs to user {info.st_uid}, not to you", command("ls", "-lL", path))
        if _is_open_for_writing(info):
            seen = stat.S_IMODE(info.st_mode)
            raise _unsafe(path, f"can be written by others (mode {seen:04o})", command("chmod", "go-w", path))
        with os.fdopen(os.dup(fd), "rb") as stream:
            return stream.read()
    finally:
        os.close(fd)


def explain_refusal(path: Path, error: OSError) -> None:
    """Raise UnsafePath if what lies at `path` is why it could not be opened with O_NOFOLLOW; else do nothing."""
    if isinstance(error, NotADirectoryError):
        raise _unsafe(path, "is below something that is no directory", command("ls", "-ld", path.parent)) from None
    with contextlib.suppress(OSError):
        check_private(path, os.lstat(path), directory=False)
    if isinstance(error, PermissionError):
        raise _unsafe(path, "cannot be opened by you", command("ls", "-ld", path.parent, path)) from None


def check_private(path: Path, info: os.stat_result, *, directory: bool) -> None:
    """Raise UnsafePath unless `info` is a file (or directory) of ours that nobody else may touch."""
    if stat.S_ISLNK(info.st_mode):
        raise _unsafe(path, "is a symbolic link", command("rm", path))
    expected, mode = (stat.S_ISDIR, "700") if directory else (stat.S_ISREG, "600")
    if not expected(info.st_mode):
        raise _unsafe(path, f"is not a {'directory' if directory else 'regular file'}", command("rm", path))
    if info.st_uid != os.geteuid():
        raise _unsafe(path, f"belongs to user {info.st_uid}, not to you", command("ls", "-ld", path))
    if info.st_mode & 0o077:
        seen = stat.S_IMODE(info.st_mode)
        raise _unsafe(path, f"is open to others (mode {seen:04o})", command("chmod", mode, path))
    if directory and info.st_mode & 0o700 != 0o700:
        seen = stat.S_IMODE(info.st_mode)
        raise _unsafe(path, f"cannot be used by you (mode {seen:04o})", command("chmod", mode, path))


def _check_parents(path: Path) -> None:
    # A link on the way counts twice: who can replace it, and who can replace what it leads to.
    for parent in dict.fromkeys((*path.absolute().parents, *path.resolve().parents)):
        info = os.stat(parent)
        if info.st_uid not in (0, os.geteuid()):
            raise _unsafe(
                parent, f"belongs to user {info.st_uid}, who could replace {path}", command("ls", "-ld", parent)
            )
        if not info.st_mode & stat.S_ISVTX and _is_open_for_writing(info):
            seen = stat.S_IMODE(info.st_mode)
            why = f"can be written by others (mode {seen:04o}), who could replace {path}"
            raise _unsafe(parent, why, command("chmod", "go-w", parent))


def _is_open_for_writing(info: os.stat_result) -> bool:
    # The group last, for that asks the system's directory of users, which may be far and slow (LDAP).
    if info.st_mode & 0o002:
        return True
    return bool(info.st_mode & 0o020) and not (info.st_uid == os.geteuid() and _is_own_group(info.st_gid))


def _is_own_group(gid: int) -> bool:
    """Whether a group is the user's private one, with nobody else in it: then 0775 is as good as 0755.

    RHEL and its kin give everyone such a group and a umask of 002, so that `~/.local` is 0775 on many grid hosts.
    """
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _unsafe(path: Path, why: str, cure: str) -> UnsafePath:
    return UnsafePath(f"{path} {why}", hint=cure)
