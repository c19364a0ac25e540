"""Kept connections: alive, few, and never shared with a forked child."""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient._util.origin import Origin
from ctaclient.transport.dial import Dialer
from ctaclient.transport.limits import Timeouts
from ctaclient.transport.pool import Pool, Use
from ctaclient.transport.proxy import Proxies
from tests.support.clock import FakeClock
from tests.unit.transport.conftest import Backend, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpcore

    from ctaclient.transport.channel import Channel

DOOR = Origin.of("https://door.example:2880")
POOL = Origin.of("https://pool.example:20000")


class Connected(Stream):
    """A stream with a socket; `peer` is its other end."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.peer = socket.socketpair()

    def get_extra_info(self, info: str) -> Any:
        return self.own if info == "socket" else None

    def close(self) -> None:
        super().close()
        self.own.close()


class Connecting(Backend):
    """Makes as many as are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Connected] = []

    def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> httpcore.NetworkStream:
        self.made.append(Connected())
        return self.made[-1]


class World:
    def __init__(self) -> None:
        self.backend = Connecting()
        self.clock = FakeClock()
        dialer = Dialer(ssl.create_default_context(), Proxies({}), Timeouts(), self.backend)
        self.pool = Pool(dialer, self.clock)

    def used_before(self, origin: Origin = DOOR, use: Use = "metadata") -> bool:
        """Take a connection and give it back; whether it was a kept one."""
        channel, used = self.pool.acquire(origin, use)
        self.pool.release(origin, use, channel)
        return used

    @property
    def is_open(self) -> list[bool]:
        return [not each.closed for each in self.backend.made]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    for each in world.backend.made:
        each.close()
        each.peer.close()


def test_a_kept_connection_is_used_again(world: World) -> None:
    assert [world.used_before() for _ in range(3)] == [False, True, True]
    assert len(world.backend.made) == 1


def test_origin_and_use_are_kept_apart(world: World) -> None:
    assert not world.used_before(DOOR, "metadata")
    assert not world.used_before(DOOR, "data")
    assert not world.used_before(POOL, "metadata")


def test_a_connection_in_use_is_not_given_twice(world: World) -> None:
    one, _ = world.pool.acquire(DOOR, "data")
    other, _ = world.pool.acquire(DOOR, "data")
    assert one is not other


def test_fresh_means_new(world: World) -> None:
    world.used_before()
    assert world.pool.acquire(DOOR, "metadata", fresh=True)[1] is False


@pytest.mark.parametrize(("use", "idle_s"), [("metadata", 60), ("data", 10)])
def test_it_is_trusted_for_so_long(world: World, use: Use, idle_s: float) -> None:
    world.used_before(use=use)
    world.clock.sleep(idle_s)
    assert world.used_before(use=use)
    world.clock.sleep(idle_s + 0.1)
    assert not world.used_before(use=use)
    assert world.is_open == [False, True]


@pytest.mark.parametrize(("origin", "use"), [(DOOR, "metadata"), (DOOR, "data"), (POOL, "data")])
def test_those_of_others_that_are_not_trusted_any_more_are_closed_too(world: World, origin: Origin, use: Use) -> None:
    """A mover at a pool that is never asked again occupies its slot until then (storage.md 1.4)."""
    world.used_before(origin, use)
    world.clock.sleep(60.1)
    assert not world.used_before(POOL, "metadata")
    assert world.is_open == [False, True]


def test_those_of_others_that_are_still_trusted_stay(world: World) -> None:
    world.used_before(DOOR, "metadata")
    world.clock.sleep(30)
    assert not world.used_before(POOL, "data")
    assert world.used_before(DOOR, "metadata")


@pytest.mark.parametrize(("use", "kept"), [("metadata", 16), ("data", 8)])
def test_so_many_are_kept(world: World, use: Use, kept: int) -> None:
    channels: list[Channel] = [world.pool.acquire(DOOR, use)[0] for _ in range(kept + 3)]
    for channel in channels:
        world.pool.release(DOOR, use, channel)
    assert sum(world.is_open) == kept


def test_a_closed_one_is_noticed(world: World) -> None:
    world.used_before()
    world.backend.made[0].peer.close()
    assert not world.used_before()
    assert world.is_open == [False, True]


def test_one_that_spoke_unasked_is_not_used(world: World) -> None:
    world.used_before()
    world.backend.made[0].peer.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert not world.used_before()


def test_close_closes_all(world: World) -> None:
    for origin in (DOOR, POOL):
        world.used_before(origin)
    world.pool.close()
    assert world.is_open == [False, False]
    assert not world.used_before()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_starts_with_none(world: World) -> None:
    world.used_before()
    pid = os.fork()
    if pid == 0:
        used = True
        try:
            used = world.used_before()
        finally:
            os._exit(1 if used else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert world.used_before()
