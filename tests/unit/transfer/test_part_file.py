"""The part file becomes the target, or vanishes; what was there stays."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import CtaError, Exists, NoSpace, NotFound, UsageError
from ctaclient.transfer.local import PartFile, local_errors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "target"


def write(target: Path, *, overwrite: bool = False) -> None:
    with PartFile(target) as part:
        os.pwrite(part.fd, b"content", 0)
        part.publish(overwrite=overwrite)


def test_published(target: Path) -> None:
    write(target)
    assert target.read_bytes() == b"content"
    assert os.listdir(target.parent) == ["target"]


def test_left_alone(target: Path) -> None:
    with PartFile(target) as part:
        os.pwrite(part.fd, b"half", 0)
    assert os.listdir(target.parent) == []


@pytest.mark.parametrize("kind", ["file", "link", "directory"])
def test_a_name_that_was_taken_meanwhile_is_not_replaced(target: Path, kind: str) -> None:
    with PartFile(target) as part:
        if kind == "file":
            target.write_bytes(b"of another")
        elif kind == "link":
            target.symlink_to("nowhere")
        else:
            target.mkdir()
        before = os.lstat(target)
        with pytest.raises(Exists, match="appeared during the download"):
            part.publish(overwrite=False)
    assert os.lstat(target) == before
    assert os.listdir(target.parent) == ["target"]


def test_overwriting_is_atomic_and_replaces_a_link_not_what_it_leads_to(target: Path, tmp_path: Path) -> None:
    target.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    target.symlink_to(victim)
    write(target, overwrite=True)
    assert victim.read_bytes() == b"mine"
    assert target.read_bytes() == b"content"
    assert not target.is_symlink()


def test_two_downloads_of_one_name_do_not_meet(target: Path) -> None:
    with PartFile(target) as one, PartFile(target) as other:
        os.pwrite(one.fd, b"one", 0)
        os.pwrite(other.fd, b"other", 0)
        one.publish(overwrite=False)
        assert target.read_bytes() == b"one"
        with pytest.raises(Exists):
            other.publish(overwrite=False)


@pytest.mark.parametrize(
    ("number", "kind", "exit_code"),
    [
        (errno.ENOSPC, NoSpace, 10),
        (errno.EDQUOT, NoSpace, 10),
        (errno.EFBIG, NoSpace, 10),
        (errno.ENOENT, NotFound, 5),
        (errno.EISDIR, UsageError, 2),
        (errno.ENOTDIR, UsageError, 2),
        (errno.EACCES, CtaError, 1),
        (errno.EROFS, CtaError, 1),
        (errno.EIO, CtaError, 1),
    ],
)
def test_errors_of_the_disk(number: int, kind: type[CtaError], exit_code: int) -> None:
    with pytest.raises(CtaError) as caught, local_errors("cannot write x"):
        raise OSError(number, os.strerror(number))
    assert (type(caught.value), caught.value.exit_code) == (kind, exit_code)
    assert str(caught.value).startswith("cannot write x: ")


def test_a_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CtaError):
        PartFile(tmp_path / "file" / "target")
