"""Local trees as items: links, loops and things that are no files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import CtaError, UsageError
from ctaclient.storage.path import RemotePath
from ctaclient.transfer.tree import UploadItem, local_tree
from tests.unit.conftest import as_user

if TYPE_CHECKING:
    from pathlib import Path

DEST = RemotePath.parse("/dest")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    top.mkdir()
    return top


def items(top: Path) -> dict[str, UploadItem]:
    found = list(local_tree(top, DEST))
    by_remote = {str(item.remote): item for item in found}
    assert len(by_remote) == len(found)
    return by_remote


def errors(top: Path) -> dict[str, CtaError]:
    return {name: item.error for name, item in items(top).items() if item.error}


def test_directories_stand_before_what_is_in_them(top: Path) -> None:
    (top / "b" / "c").mkdir(parents=True)
    (top / "b" / "c" / "f").touch()
    (top / "a").touch()
    (top / "b.x").touch()
    found = items(top)
    assert list(found) == ["/dest", "/dest/a", "/dest/b", "/dest/b/c", "/dest/b/c/f", "/dest/b.x"]
    assert [name for name, item in found.items() if item.is_dir] == ["/dest", "/dest/b", "/dest/b/c"]
    assert found["/dest/b/c/f"].local == top / "b" / "c" / "f"


def test_links_are_followed(top: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f").touch()
    (top / "directory").symlink_to(tmp_path / "elsewhere")
    (top / "file").symlink_to(tmp_path / "elsewhere" / "f")
    (top / "again").symlink_to(tmp_path / "elsewhere")
    assert list(items(top)) == [
        *("/dest", "/dest/again", "/dest/again/f", "/dest/directory", "/dest/directory/f", "/dest/file")
    ]
    assert errors(top) == {}


def test_circles_end(top: Path) -> None:
    (top / "a").mkdir()
    (top / "a" / "up").symlink_to("..")
    (top / "here").symlink_to(".")
    (top / "z").touch()
    found = errors(top)
    assert set(found) == {"/dest/a/up", "/dest/here"}
    assert all("is a link to a directory it is in" in str(error) for error in found.values())
    assert "/dest/z" in items(top)


@pytest.mark.parametrize("target", ["self", "nothing"])
def test_a_link_to_nothing_or_to_itself_is_one_failed_item(top: Path, target: str) -> None:
    (top / "self").symlink_to(target)
    (top / "z").touch()
    found = errors(top)
    assert set(found) == {"/dest/self"}
    assert isinstance(found["/dest/self"], CtaError)
    assert "/dest/z" in items(top)


def test_pipes_and_devices_are_no_files(top: Path) -> None:
    os.mkfifo(top / "fifo")
    (top / "zero").symlink_to("/dev/zero")
    found = errors(top)
    assert set(found) == {"/dest/fifo", "/dest/zero"}
    assert all(isinstance(error, UsageError) for error in found.values())


def test_names_that_are_no_utf8(top: Path) -> None:
    (top / os.fsdecode(b"caf\xe9")).touch()
    assert [item.remote.quoted() for item in local_tree(top, DEST)] == ["/dest", "/dest/caf%E9"]


@as_user
def test_a_directory_that_cannot_be_read_is_one_failed_item(top: Path) -> None:
    (top / "closed").mkdir(mode=0)
    (top / "z").touch()
    assert set(errors(top)) == {"/dest/closed"}
    assert "/dest/z" in items(top)


def test_a_directory_that_vanished(top: Path) -> None:
    top.rmdir()
    assert "does not exist" in str(errors(top)["/dest"]) or "no such file" in str(errors(top)["/dest"])
