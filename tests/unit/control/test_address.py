"""Socket addresses of any length, and who is at the other end."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from ctaclient.control.address import check_peer, new_socket, socket_address
from ctaclient.errors import AgentError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("length", [90, 107, 108, 250])
def test_a_socket_can_be_bound_and_reached_by_a_path_of_any_length(tmp_path: Path, length: int) -> None:
    directory = tmp_path
    while len(os.fsencode(directory)) < length:
        directory /= "ü" * 20
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "agent.sock"
    with new_socket() as server, new_socket() as client:
        with socket_address(path) as address:
            server.bind(address)
            server.listen()
        assert path.is_socket()
        with socket_address(path) as address:
            assert len(os.fsencode(address)) <= 107
            client.connect(address)
        check_peer(client)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with socket_address(tmp_path / ("x" * 120)):
        pass
    assert os.listdir("/proc/self/fd") == before


def test_the_own_user_is_at_the_other_end_of_a_pair() -> None:
    one, other = socket.socketpair()
    with one, other:
        check_peer(one)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_at_the_other_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with new_socket() as server, new_socket() as client:
        # The kernel notes who listens at the time of listen().
        os.seteuid(65534)
        try:
            one, other = socket.socketpair()
        finally:
            os.seteuid(0)
        with one, other, pytest.raises(AgentError, match="belongs to user 65534"):
            check_peer(one)
        server.bind(str(path))
        server.listen()
        client.connect(str(path))
        check_peer(client)
