"""What reaches terminals and pipes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ctaclient.cli.output import entry_line
from ctaclient.storage.entry import Entry
from ctaclient.storage.path import RemotePath
from tests.unit.cli.conftest import python

if TYPE_CHECKING:
    from pathlib import Path

NAME = "a\x1b[31m\n\u202eb\udcff ü"
WRITE = f"from ctaclient.cli.output import write_line; write_line({NAME!r})"


def on_terminal(*args: str) -> bytes:
    """What a terminal gets."""
    own, its = pty.openpty()
    process = subprocess.Popen([sys.executable, *args], stdin=its, stdout=its, stderr=its)
    os.close(its)
    data = b""
    with suppress(OSError):  # EIO is how a terminal's master says that nobody is left
        while block := os.read(own, 4096):
            data += block
    os.close(own)
    process.wait(60)
    return data


def test_names_are_harmless_on_a_terminal() -> None:
    assert on_terminal("-c", WRITE) == rb"a\x1b[31m\n\u202eb\udcff " + "ü\r\n".encode()


@pytest.mark.parametrize("locale", ["C.UTF-8", "C", "POSIX"])
def test_names_are_exact_in_a_pipe(locale: str) -> None:
    assert python("-c", WRITE, LC_ALL=locale).stdout == "a\x1b[31m\n\u202eb".encode() + b"\xff " + "ü\n".encode()


@pytest.mark.parametrize(
    ("entry", "long", "line"),
    [
        (Entry(RemotePath.parse("/d/a"), is_dir=False, size_bytes=5), False, "a"),
        (Entry(RemotePath.parse("/d/a"), is_dir=True), False, "a/"),
        (Entry(RemotePath.parse("/d/a"), is_dir=True), True, "             -  -                 a/"),
        (Entry(RemotePath.parse("/d/a"), is_dir=False, size_bytes=5), True, "             5  -                 a"),
    ],
)
def test_entries(entry: Entry, long: bool, line: str) -> None:
    assert entry_line(entry, entry.name, long=long) == line


@pytest.mark.parametrize("args", [["config", "show"], ["--help"], ["agent", "status", "--json"]], ids=" ".join)
def test_a_reader_that_has_seen_enough_ends_it_without_a_word(args: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = python("-P", "-m", "ctaclient", *args, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("args", [["config", "show"], ["--help"], ["agent", "status", "--json"]], ids=" ".join)
def test_a_full_disk_below_the_output_is_said_in_one_line(args: list[str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = python("-P", "-m", "ctaclient", *args, stdout=full.fileno())
    assert done.returncode == 10
    assert done.stderr == b"ctaclient: the output cannot be written: No space left on device\n"


def closed(stream: str, *args: str) -> subprocess.CompletedProcess[bytes]:
    """The program as a shell starts it with `1>&-` or `2>&-`."""
    command = ["sh", "-c", f'exec "$0" "$@" {stream}>&-', sys.executable, "-P", "-m", "ctaclient", *args]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_closed_stream_is_no_failure(stream: str) -> None:
    done = closed(stream, "config", "show")
    assert (done.returncode, done.stderr) == (0, b"")
    assert bool(done.stdout) is (stream == "2")


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_failure_with_a_closed_stream_keeps_its_code(stream: str) -> None:
    done = closed(stream, "ls", "--profile", "nobody")
    assert (done.returncode, done.stdout) == (2, b"")
    assert (b"there is no profile 'nobody'" in done.stderr) is (stream == "1")
    assert b"Traceback" not in done.stderr


def test_no_traceback_without_debug() -> None:
    args = ("-P", "-m", "ctaclient", "ls", "--storage-url", "http://door")
    done = python(*args)
    assert done.returncode == 4
    assert b"Traceback" not in done.stderr
    debugged = python(*args, "--debug")
    assert debugged.returncode == 4
    assert b"Traceback" in debugged.stderr
    assert debugged.stderr.endswith(done.stderr)


def test_debug_shows_no_token() -> None:
    done = python(
        "-P", "-m", "ctaclient", "ls", "--storage-url", "http://door", "--debug", BEARER_TOKEN="secret-0123456789"
    )
    assert b"secret-0123456789" not in done.stderr + done.stdout


def test_rm_asks_on_a_terminal_and_takes_no_for_an_answer() -> None:
    own, its = pty.openpty()
    command = [sys.executable, "-P", "-m", "ctaclient", "rm", "-r", "/a\x1b[2J"]
    process = subprocess.Popen(command, stdin=its, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(its)
    os.write(own, b"n\n")
    out, err = process.communicate(timeout=60)
    os.close(own)
    assert process.returncode == 130
    assert out == b""
    assert b"Delete /a\\x1b[2J with all that is in it? [y/N]" in err


def test_an_error_of_a_file_is_not_one_of_the_output(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 300)
    done = python("-m", "ctaclient", "agent", "errors", CTACLIENT_HOME=str(home))
    assert done.returncode == 1
    assert done.stderr.startswith(f"ctaclient: {home}/".encode())
    assert done.stderr.endswith(b": File name too long\n")
