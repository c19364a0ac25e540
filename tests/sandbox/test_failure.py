"""How the double tells of a file system's errors."""

from __future__ import annotations

import errno
import os

import pytest

from ctaclient.sandbox.namespace.failure import refuse


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.ENOENT, 404), (errno.ELOOP, 404), (errno.EIO, 500)],
)
def test_statuses(number: int, status: int) -> None:
    assert refuse(OSError(number, os.strerror(number))).status == status
