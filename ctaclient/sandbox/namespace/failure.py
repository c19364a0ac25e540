"""From the errors of the file system to the statuses of a dCache (storage.md 1.11)."""

from __future__ import annotations

import errno

from ctaclient.sandbox.serving.answer import Refusal

_STATUSES = {
    errno.ENOENT: (404, ""),
    errno.ENOTDIR: (404, ""),
    errno.ELOOP: (404, ""),  # a symbolic link is nothing we serve
    errno.EEXIST: (405, ""),
    errno.EISDIR: (405, "Is a directory"),
    errno.ENAMETOOLONG: (400, "Name too long"),
    errno.EINVAL: (409, "Cannot move a directory into itself"),
    errno.ENOSPC: (507, ""),
    errno.EDQUOT: (507, ""),
    errno.EFBIG: (507, ""),
}


def refuse(error: OSError) -> Refusal:
    """The answer that tells of `error`."""
    status, reason = _STATUSES.get(error.errno or 0, (500, "Internal problem"))
    return Refusal(status, reason)
