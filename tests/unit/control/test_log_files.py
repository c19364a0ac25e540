"""Log files that rotate under the reader's hands."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.control.log_files import LogFiles
from ctaclient.errors import UnsafePath
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Log:
    """A log as the agent writes it: one file, renamed when it is full."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, text.encode())
        os.close(fd)

    def rotate(self) -> None:
        for number in (2, 1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            if newer.exists():
                os.replace(newer, older)


class Acting(FakeClock):
    """Something happens each time that the reader waits."""

    def __init__(self, *events: Callable[[], None]) -> None:
        super().__init__()
        self._events = iter(events)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        event = next(self._events, None)
        assert event is not None, "it waits although all was written"
        event()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "agent.log")


def test_rotated_files_come_first(log: Log) -> None:
    for number in range(4):
        log.write(f"{number}\n")
        log.rotate()
    log.write("4\n")
    with LogFiles(log.path) as files:
        assert list(files.read()) == [b"2\n", b"3\n", b"4\n"]


def test_none_at_all(log: Log) -> None:
    with LogFiles(log.path) as files:
        assert list(files.read()) == []


def test_following_through_rotations(log: Log) -> None:
    log.write("0\n")

    def rotate_twice() -> None:
        log.write("3\n")
        log.rotate()
        log.write("4\n")
        log.rotate()
        log.write("5\n")

    def rotate() -> None:
        log.rotate()
        log.write("6\n")

    clock = Acting(
        lambda: log.write("1\n2"),  # half a line waits for the rest
        lambda: log.write("\n"),
        rotate_twice,
        rotate,
        log.rotate,  # the new file is not there yet
        lambda: log.write("7\n"),
    )
    with LogFiles(log.path) as files:
        assert list(files.read()) == [b"0\n"]
        assert list(itertools.islice(files.follow(clock), 7)) == [f"{number}\n".encode() for number in range(1, 8)]


def test_following_a_log_that_is_not_there_yet(log: Log) -> None:
    with LogFiles(log.path) as files:
        assert list(files.read()) == []
        assert list(itertools.islice(files.follow(Acting(lambda: log.write("0\n"))), 1)) == [b"0\n"]


def test_a_log_that_others_could_write_is_refused(log: Log) -> None:
    log.write("0\n")
    log.path.chmod(0o622)
    with LogFiles(log.path) as files, pytest.raises(UnsafePath):
        list(files.read())
