"""The note that a login waits for approval."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaclient._util.private import ensure_private_dir, write_private
from ctaclient.errors import UnsafePath
from ctaclient.tokens.pending import Pending, read_pending, remove_pending, write_pending

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000.0
HERE = Pending.here(NOW, 600.0, "https://issuer.example/device")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "store" / "mine"
    ensure_private_dir(place)
    return place


def put(directory: Path, document: Any) -> None:
    write_private(directory / "pending.json", json.dumps(document).encode())


def test_it_is_written_read_and_taken_back(tmp_path: Path) -> None:
    directory = tmp_path / "store" / "mine"
    assert read_pending(directory, NOW) is None
    write_pending(directory, HERE)
    assert (HERE.host, HERE.pid, HERE.expires_at) == (socket.gethostname(), os.getpid(), NOW + 600)
    assert (directory / "pending.json").stat().st_mode & 0o777 == 0o600
    assert read_pending(directory, NOW) == HERE
    remove_pending(directory, HERE)
    assert read_pending(directory, NOW) is None
    assert list(directory.iterdir()) == []
    remove_pending(directory, HERE)


def test_it_ends_with_its_time(directory: Path) -> None:
    write_pending(directory, HERE)
    assert read_pending(directory, NOW + 599) == HERE
    assert read_pending(directory, NOW + 600) is None
    assert read_pending(directory, NOW - 10_000) is None  # this clock is no clock for it
    assert Pending.here(NOW, 1e9, "https://i").expires_at == NOW + 3600


def test_it_ends_with_its_process(directory: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    write_pending(directory, replace(HERE, pid=process.pid))
    process.wait()
    assert read_pending(directory, NOW) is None


def test_of_another_machine_only_the_time_is_known(directory: Path) -> None:
    other = replace(HERE, host="elsewhere.example", pid=2**31 - 1)
    write_pending(directory, other)
    assert read_pending(directory, NOW) == other
    remove_pending(directory, HERE)
    assert read_pending(directory, NOW) == other


def test_what_others_could_have_written_does_not_count(directory: Path) -> None:
    write_pending(directory, HERE)
    (directory / "pending.json").chmod(0o644)
    assert read_pending(directory, NOW) is None
    directory.chmod(0o755)
    with pytest.raises(UnsafePath):
        write_pending(directory, HERE)


def test_what_is_shown_of_it_is_harmless(directory: Path) -> None:
    put(
        directory,
        {"version": 1, "host": "a\x1b[2J", "pid": 1, "expires_at": NOW + 1, "verification_uri": "\x07" * 9000},
    )
    found = read_pending(directory, NOW)
    assert found is not None
    assert (found.host + found.verification_uri + str(found)).isprintable()
    assert len(found.verification_uri) < 10_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
KEYS = ("version", "host", "pid", "expires_at", "verification_uri")


@given(document=JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON | st.just(1))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_rubbish_blocks_nobody(directory: Path, document: Any) -> None:
    put(directory, document)
    found = read_pending(directory, NOW)
    assert found is None or (found.pid > 0 and NOW < found.expires_at < NOW + 5000)


@given(data=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_bytes_block_nobody(directory: Path, data: bytes) -> None:
    write_private(directory / "pending.json", data)
    assert read_pending(directory, NOW) is None
