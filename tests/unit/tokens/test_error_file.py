"""The file of noted errors, written by several."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import ConfigError, Timeout, UnsafePath
from ctaclient.tokens.error_file import ErrorFile
from ctaclient.tokens.error_list import ErrorList, acknowledged, sighted
from ctaclient.tokens.lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from ctaclient.tokens.error_file import ErrorFile
from ctaclient.tokens.error_list import sighted
for number in range(20):
    ErrorFile(Path(sys.argv[1])).change(lambda known: sighted(known, sys.argv[2], "server", "x", float(number)))
"""


def note(file: ErrorFile, kind: str) -> bool:
    return file.change(lambda known: sighted(known, "site", kind, "x", 1.0))


def test_no_file_is_no_error(tmp_path: Path) -> None:
    file = ErrorFile(tmp_path / "state")
    assert file.read() == ErrorList()
    assert not (tmp_path / "state").exists()


def test_it_is_private_and_only_written_when_something_changed(tmp_path: Path) -> None:
    file = ErrorFile(tmp_path / "state")
    assert note(file, "server")
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    before = file.path.stat().st_ino
    assert file.change(lambda known: acknowledged(known, [77])) == 0
    assert file.path.stat().st_ino == before
    assert file.change(lambda known: acknowledged(known, [1])) == 1
    assert file.path.stat().st_ino != before


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(state), name], env=environ) for name in ("a", "b", "c")
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    errors = ErrorFile(state).read().errors
    assert sorted((error.profile, error.count) for error in errors) == [("a", 20), ("b", 20), ("c", 20)]
    assert sorted(error.id for error in errors) == [1, 2, 3]


def test_a_damaged_file_is_reported_and_the_agent_begins_anew(tmp_path: Path) -> None:
    file = ErrorFile(tmp_path / "state")
    note(file, "server")
    file.path.write_bytes(b"?")
    with pytest.raises(ConfigError, match="is damaged"):
        file.read()
    with pytest.raises(ConfigError, match="is damaged"):
        note(file, "server")
    file.change(lambda known: sighted(known, "site", "tls", "x", 1.0), anew=True)
    assert [error.kind for error in file.read().errors] == ["tls"]


def test_what_others_could_write_is_refused(tmp_path: Path) -> None:
    file = ErrorFile(tmp_path / "state")
    note(file, "server")
    file.path.chmod(0o644)
    with pytest.raises(UnsafePath):
        file.read()
    with pytest.raises(UnsafePath):
        file.change(lambda known: sighted(known, "site", "tls", "x", 1.0), anew=True)


def test_nobody_waits_who_does_not_want_to(tmp_path: Path) -> None:
    file = ErrorFile(tmp_path / "state")
    note(file, "server")
    with FileLock(tmp_path / "state" / "agent-errors.lock"):
        assert file.try_to_change(lambda known: acknowledged(known, None)) is None
    assert file.try_to_change(lambda known: acknowledged(known, None)) == 1
    with FileLock(tmp_path / "state" / "agent-errors.lock"), pytest.raises(Timeout, match="another program"):
        note(ErrorFile(tmp_path / "state", wait_s=0.05), "server")
