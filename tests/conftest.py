"""What all tests share: an empty environment, loopback only, one sandbox, and a way to wait for a condition."""

from __future__ import annotations

import ipaddress
import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ctaclient.sandbox import Options, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "CTACLIENT_TEST_SERVERS")


def _loopback_only(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect" or not isinstance(address := arguments[1], tuple):
        return
    host = str(address[0])
    if host != "localhost" and not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        raise RuntimeError(f"a test tried to leave the loopback: {host}")


sys.addaudithook(_loopback_only)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of whoever runs the tests reaches them; HOME is empty."""
    for name in set(os.environ) - set(_KEPT):
        if not name.startswith("PYTEST_"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for each test process. Tests keep apart by using directories and names of their own."""
    with Sandbox.start(tmp_path_factory.mktemp("sandbox"), Options()) as running:
        yield running


def eventually(condition: Callable[[], bool], *, timeout_s: float = 20) -> None:
    """Wait for something that another process does. Fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
