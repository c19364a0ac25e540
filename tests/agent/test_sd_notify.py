"""What a service manager hears, on a socket of the test's own."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from ctaclient_agent.daemon.sd_notify import ServiceManager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PID = 77


@pytest.fixture
def heard(private: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(private / "notify"))
        listener.settimeout(0)
        yield listener


def all_of(listener: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said.append(listener.recv(4096).decode())
        except BlockingIOError:
            return said


def test_a_life(heard: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": "3000000"}, PID)
    assert manager.interval_s == 1.5
    manager.ready("well")
    manager.alive()
    manager.alive("better")
    manager.stopping()
    assert all_of(heard) == [
        "READY=1\nSTATUS=well",
        "WATCHDOG=1",
        "STATUS=better\nWATCHDOG=1",
        "STOPPING=1\nSTATUS=finishing what is under way",
    ]


def test_an_abstract_address() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("")  # the kernel chooses an abstract name (unix(7))
        listener.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": "@" + listener.getsockname()[1:].decode()}, PID).ready("x")
        assert listener.recv(100) == b"READY=1\nSTATUS=x"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "78"},
    ],
)
def test_without_a_watchdog_nothing_is_pinged(heard: socket.socket, variables: dict[str, str]) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": heard.getsockname(), **variables}, PID)
    assert manager.interval_s is None
    manager.alive()
    manager.alive("news")
    assert all_of(heard) == ["STATUS=news"]


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1", "/nobody/listens", "/" + "x" * 200])
def test_nobody_listens(address: str) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000"}, PID)
    manager.ready("x")
    manager.alive()
    manager.stopping()


def test_the_watchdog_of_another_process_is_not_ours(heard: socket.socket) -> None:
    ours = {"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(PID)}
    assert ServiceManager(ours, PID).interval_s == 1.0
    assert ServiceManager({"WATCHDOG_USEC": "2000000"}, PID).interval_s is None
