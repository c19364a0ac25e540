"""The lock: one holder, freed by the kernel."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import AgentError, UnsafePath
from ctaclient.tokens.lock import FileLock
from tests.support.clock import FakeClock
from tests.unit.conftest import umask

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_one_holder_at_a_time(path: Path) -> None:
    one, other = FileLock(path), FileLock(path)
    assert one.acquire(wait=False)
    assert not other.acquire(wait=False)
    one.release()
    assert other.acquire(wait=False)
    other.release()
    other.release()


def test_with_block(path: Path) -> None:
    with FileLock(path):
        assert not FileLock(path).acquire(wait=False)
    assert FileLock(path).acquire(wait=False)


def test_the_holder_says_who_it_is(path: Path) -> None:
    with FileLock(path) as lock:
        lock.write(b"a longer text")
        lock.write(b"pid 7")
        assert path.read_bytes() == b"pid 7"
    with pytest.raises(RuntimeError, match="needs the lock"):
        FileLock(path).write(b"")


@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_modes_do_not_depend_on_the_umask(path: Path, mask: int) -> None:
    with umask(mask), FileLock(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_open_or_linked_lock_is_refused(path: Path, tmp_path: Path) -> None:
    path.touch(mode=0o666)
    path.chmod(0o666)
    with pytest.raises(UnsafePath, match="is open to others"):
        FileLock(path).acquire(wait=False)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(UnsafePath, match="is a symbolic link"):
        FileLock(link).acquire(wait=False)


def test_nothing_stays_open_after_a_refusal(path: Path) -> None:
    with FileLock(path):
        before = os.listdir("/proc/self/fd")
        assert not FileLock(path).acquire(wait=False)
        assert os.listdir("/proc/self/fd") == before


def test_the_death_of_its_holder_frees_it(path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from ctaclient.tokens.lock import FileLock;"
        "FileLock(Path(sys.argv[1])).acquire(wait=False); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert FileLock(path).acquire(wait=False)


def test_a_wait_with_a_limit_names_the_holder(path: Path) -> None:
    clock = FakeClock()
    with FileLock(path).within(clock, 40):
        assert clock.passed == 0
        with pytest.raises(AgentError, match=f"held by pid {os.getpid()} for 40 s"), FileLock(path).within(clock, 40):
            pass
        assert 40 <= clock.passed < 41
    with FileLock(path).within(clock, 40):
        assert not FileLock(path).acquire(wait=False)


def test_a_child_program_does_not_inherit_it(path: Path) -> None:
    with FileLock(path) as lock:
        held = lock._fd
        assert held is not None
        assert fcntl.fcntl(held, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
