"""Request bodies: from byte 0 each time, and never another file than the one that was looked at."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import Changed, NotFound, UsageError
from ctaclient.transport.body import BLOCK_BYTES, BytesSource, FileSource, SourceStream

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = os.urandom(BLOCK_BYTES * 2 + 17)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def test_a_stream_starts_anew_each_time(file: Path) -> None:
    for source in (BytesSource(CONTENT), FileSource(file)):
        stream = SourceStream(source)
        assert [b"".join(stream) for _ in range(3)] == [CONTENT] * 3
        assert source.size_bytes == len(CONTENT)
        source.check_unchanged()


def test_what_was_sent_last_is_what_was_seen(file: Path) -> None:
    seen = bytearray()
    stream = SourceStream(FileSource(file), restart=seen.clear, seen=seen.extend)
    next(iter(stream))
    assert b"".join(stream) == CONTENT
    assert bytes(seen) == CONTENT


def test_an_empty_file(file: Path) -> None:
    file.write_bytes(b"")
    assert list(SourceStream(FileSource(file))) == []


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="none does not exist"):
        FileSource(tmp_path / "none")


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(CONTENT)
    other.replace(path)


CHANGES = {
    "longer": lambda path: path.write_bytes(CONTENT + b"x"),
    "touched": lambda path: os.utime(path, (1, 1)),
    "replaced": replaced,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_is_not_sent(file: Path, change: str) -> None:
    source = FileSource(file)
    CHANGES[change](file)
    for use in (source.check_unchanged, source.open):
        with pytest.raises(Changed, match="file changed while it was being sent"):
            use()


def test_a_file_that_is_gone_has_changed(file: Path) -> None:
    source = FileSource(file)
    file.unlink()
    with pytest.raises(Changed):
        source.check_unchanged()


@pytest.mark.parametrize("kind", ["fifo", "directory", "device"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    refused: list[BaseException] = []

    def look() -> None:
        try:
            FileSource(path).open().close()
        except UsageError as error:
            refused.append(error)

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    looker.join(5)
    assert [str(error) for error in refused] == [f"{path} is not a regular file"]
