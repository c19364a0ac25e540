"""Private files: 0600 in 0700 from the first byte, replaced whole, refused where others could touch them."""

from __future__ import annotations

import grp
import os
import pwd
import resource
import shlex
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctaclient._util.private import MAX_BYTES, ensure_private_dir, read_private, write_private
from ctaclient.errors import UnsafePath
from tests.unit.conftest import as_root, as_user, umask

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534


@pytest.fixture
def private(tmp_path: Path) -> Path:
    directory = tmp_path / "private"
    ensure_private_dir(directory)
    return directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Writing beyond fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, mask: int) -> None:
    directory = tmp_path / "a" / "b"
    with umask(mask):
        ensure_private_dir(directory)
        write_private(directory / "token", b"secret")
    assert [mode(directory.parent), mode(directory), mode(directory / "token")] == [0o700, 0o700, 0o600]
    assert read_private(directory / "token") == b"secret"


@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_no_reader_of_the_directory_ever_sees_an_open_file(private: Path, mask: int) -> None:
    seen: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for entry in os.scandir(private):
                try:
                    seen.add(stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode))
                except FileNotFoundError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with umask(mask):
            for _ in range(50):
                write_private(private / "token", bytes(200_000))
    finally:
        done.set()
        watcher.join()
    assert seen
    assert not any(each & 0o177 for each in seen)


def test_a_write_that_fails_midway_changes_nothing(private: Path) -> None:
    write_private(private / "token", b"old")
    with file_size_limit(1000), pytest.raises(OSError, match="too large"):
        write_private(private / "token", bytes(5000))
    assert [path.name for path in private.iterdir()] == ["token"]
    assert read_private(private / "token") == b"old"


def test_readers_never_see_an_empty_or_mixed_file(private: Path) -> None:
    contents = [bytes([65 + n]) * 3000 for n in range(2)]
    write_private(private / "token", contents[0])
    done = threading.Event()

    def keep_writing() -> None:
        while not done.is_set():
            for content in contents:
                write_private(private / "token", content)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for _ in range(1000):
            assert read_private(private / "token") in contents
    finally:
        done.set()
        writer.join()
    assert [path.name for path in private.iterdir()] == ["token"]


def test_reading_returns_all_up_to_the_limit(private: Path) -> None:
    content = os.urandom(MAX_BYTES)
    write_private(private / "large", content)
    assert read_private(private / "large") == content
    write_private(private / "large", content + b"1")
    with pytest.raises(UnsafePath, match=f"is larger than {MAX_BYTES} bytes"):
        read_private(private / "large")


def test_a_missing_file_is_a_missing_file(private: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_private(private / "none")


def test_a_file_below_a_file_says_so(private: Path) -> None:
    write_private(private / "file", b"")
    with pytest.raises(UnsafePath, match="is below something that is no directory"):
        read_private(private / "file" / "token")


@pytest.mark.parametrize("loose", [0o640, 0o604, 0o660, 0o610, 0o777])
def test_a_file_open_to_others_is_refused_with_the_cure(private: Path, loose: int) -> None:
    path = private / "token"
    write_private(path, b"secret")
    path.chmod(loose)
    with pytest.raises(UnsafePath) as caught:
        read_private(path)
    assert str(caught.value) == f"{path} is open to others (mode {loose:04o})"
    assert caught.value.hint == f"chmod 600 {path}"


def test_the_cure_can_be_pasted_whatever_the_name(private: Path) -> None:
    path = private / "a b; $(id)"
    write_private(path, b"secret")
    path.chmod(0o640)
    with pytest.raises(UnsafePath) as caught:
        read_private(path)
    assert shlex.split(str(caught.value.hint)) == ["chmod", "600", str(path)]
    link = private / "li nk"
    link.symlink_to(path)
    with pytest.raises(UnsafePath) as caught:
        read_private(link)
    assert shlex.split(str(caught.value.hint)) == ["rm", str(link)]


# An audit hook stays for the life of its process, so that this needs one of its own.
STALE = """
import errno, os, sys
from pathlib import Path
from ctaclient._util.private import read_private

path, left = Path(sys.argv[1]), int(sys.argv[2])

def stale(event, arguments):
    global left
    if event == "open" and str(arguments[0]) == str(path) and left:
        left -= 1
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

sys.addaudithook(stale)
try:
    print(read_private(path).decode())
except OSError as error:
    print(errno.errorcode[error.errno])
"""


@pytest.mark.parametrize(("times", "said"), [(0, "token"), (1, "token"), (3, "token"), (1000, "ESTALE")])
def test_a_file_that_another_machine_replaced_is_opened_again(private: Path, times: int, said: str) -> None:
    """Over NFS it is gone under our hands."""
    write_private(private / "file", b"token")
    command = [sys.executable, "-c", STALE, str(private / "file"), str(times)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == said


@pytest.mark.parametrize("loose", [0o750, 0o701, 0o777])
def test_a_directory_open_to_others_is_refused_with_the_cure(private: Path, loose: int) -> None:
    private.chmod(loose)
    with pytest.raises(UnsafePath) as caught:
        ensure_private_dir(private)
    assert str(private) in str(caught.value)
    assert caught.value.hint == f"chmod 700 {private}"


@pytest.mark.parametrize("target", ["token", "nothing"])
def test_a_symbolic_link_is_refused(private: Path, target: str) -> None:
    write_private(private / "token", b"secret")
    link = private / "link"
    link.symlink_to(private / target)
    with pytest.raises(UnsafePath, match="link is a symbolic link") as caught:
        read_private(link)
    assert caught.value.hint == f"rm {link}"


def test_a_linked_directory_is_refused(private: Path, tmp_path: Path) -> None:
    for target in (private, tmp_path / "nothing"):
        link = tmp_path / f"link to {target.name}"
        link.symlink_to(target)
        with pytest.raises(UnsafePath, match="is a symbolic link"):
            ensure_private_dir(link)


def test_writing_replaces_a_planted_link_and_leaves_its_target(private: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (private / "token").symlink_to(victim)
    write_private(private / "token", b"secret")
    assert victim.read_bytes() == b"mine"
    assert read_private(private / "token") == b"secret"


def test_a_planted_fifo_does_not_hang(private: Path) -> None:
    os.mkfifo(private / "token", 0o600)
    with pytest.raises(UnsafePath, match="is not a regular file"):
        read_private(private / "token")


def test_a_directory_is_no_file_and_a_file_no_directory(private: Path) -> None:
    (private / "directory").mkdir(mode=0o700)
    with pytest.raises(UnsafePath, match="is not a regular file"):
        read_private(private / "directory")
    write_private(private / "file", b"")
    with pytest.raises(UnsafePath, match="is not a directory"):
        ensure_private_dir(private / "file")


def test_a_file_of_somebody_else_is_refused(private: Path) -> None:
    if os.geteuid() == 0:
        path, owner = private / "token", NOBODY
        write_private(path, b"planted")
        os.chown(path, owner, -1)
    else:
        path, owner = Path("/etc/passwd"), 0
    with pytest.raises(UnsafePath) as caught:
        read_private(path)
    assert str(caught.value) == f"{path} belongs to user {owner}, not to you"
    assert caught.value.hint == f"ls -ld {path}"


@as_user
def test_a_file_that_cannot_be_read_says_so(private: Path) -> None:
    write_private(private / "token", b"secret")
    (private / "token").chmod(0)
    with pytest.raises(UnsafePath, match="token cannot be opened by you"):
        read_private(private / "token")


@pytest.mark.parametrize("loose", [0o707, 0o777])
def test_a_parent_that_others_can_write_is_refused(tmp_path: Path, loose: int) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(loose)
    with pytest.raises(UnsafePath) as caught:
        ensure_private_dir(parent / "store")
    assert str(parent) in str(caught.value)
    assert caught.value.hint == f"chmod go-w {parent}"


def test_a_group_may_write_to_a_parent_only_if_it_is_the_users_own(tmp_path: Path) -> None:
    """RHEL gives everyone a group of the same name, and a umask of 002."""
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(0o770)
    user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(parent.stat().st_gid)
    if group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}:
        ensure_private_dir(parent / "store")
    else:
        with pytest.raises(UnsafePath, match="can be written by others"):
            ensure_private_dir(parent / "store")


@as_root
def test_a_foreign_group_may_not_write_to_a_parent(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    os.chown(parent, -1, 1)
    parent.chmod(0o770)
    with pytest.raises(UnsafePath, match="can be written by others"):
        ensure_private_dir(parent / "store")


def test_a_sticky_parent_is_fine(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(0o1777)
    ensure_private_dir(parent / "store")


def test_a_parent_behind_a_link_counts_too(tmp_path: Path) -> None:
    everybodys = tmp_path / "everybodys"
    (everybodys / "mine").mkdir(parents=True, mode=0o700)
    everybodys.chmod(0o777)
    (tmp_path / "link").symlink_to(everybodys / "mine")
    with pytest.raises(UnsafePath, match="everybodys can be written by others"):
        ensure_private_dir(tmp_path / "link" / "store")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_parent_of_somebody_else_is_refused(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    os.chown(parent, NOBODY, -1)
    with pytest.raises(UnsafePath, match=f"belongs to user {NOBODY}, who could replace"):
        ensure_private_dir(parent / "store")
