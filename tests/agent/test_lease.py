"""Of all machines that share a directory one has the lease, and it passes on when it may, not sooner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient_agent.machines.fence import Fence
from ctaclient_agent.machines.holder import Holder, _is_gone, is_dead, read_holder, this_process
from ctaclient_agent.machines.lease import Lease

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clock import FakeClock

HERE = this_process(1.0)
# On another machine: whether it lives cannot be seen from here.
FAR = replace(HERE, host="far", boot="another boot")
LIFE_S = 90.0


def lease_in(private: Path, clock: FakeClock, me: Holder = HERE) -> Lease:
    return Lease(private / "lease", me, clock, LIFE_S)


def let_pass(private: Path, seconds: float) -> None:
    """As if the file server's clock had gone on."""
    for path in (private / "lease").iterdir():
        info = path.stat()
        os.utime(path, (info.st_atime, info.st_mtime - seconds))


def test_one_has_it_and_gives_it_up(private: Path, clock: FakeClock) -> None:
    one, other = lease_in(private, clock), lease_in(private, clock, FAR)
    assert one.look() is None
    assert one.take({"token": "abc"})
    assert one.left_s() == LIFE_S
    assert not other.take()
    held = other.look()
    assert held is not None
    assert (held.holder, held.note["token"], held.free, held.given_up) == (HERE, "abc", False, False)
    one.release()
    held = other.look()
    assert held is not None
    assert (held.free, held.given_up) == (True, True)
    assert other.take()
    assert one.left_s() == 0
    assert not one.renew()


def test_it_is_followed_when_its_time_is_over_by_the_file_servers_clock(private: Path, clock: FakeClock) -> None:
    far, here = lease_in(private, clock, FAR), lease_in(private, clock)
    assert far.take()
    let_pass(private, LIFE_S - 5)
    assert not here.take()
    assert far.renew()
    let_pass(private, LIFE_S - 5)
    assert not here.take()
    let_pass(private, 10)
    assert here.take()
    assert far.left_s() == 0
    assert not far.renew()
    assert here.renew()


def test_the_holder_stops_before_others_follow(private: Path, clock: FakeClock) -> None:
    lease = lease_in(private, clock)
    lease.take()
    clock.sleep(LIFE_S - 1)
    assert 0 < lease.left_s() <= 1
    clock.sleep(1)
    assert lease.left_s() == 0
    assert lease.renew()  # nobody wanted it
    assert lease.left_s() == LIFE_S


def test_a_time_in_the_future_is_nobodys(private: Path, clock: FakeClock) -> None:
    lease_in(private, clock, FAR).take()
    let_pass(private, -3600)  # the server's clock was set back
    assert lease_in(private, clock).take()


def test_a_holder_that_died_on_this_machine_is_followed_at_once(private: Path, clock: FakeClock) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        alive = replace(HERE, pid=process.pid, ticks=ticks(process.pid))
        assert lease_in(private, clock, alive).take()
        assert not is_dead(alive, HERE)
        assert not lease_in(private, clock).take()
        process.kill()
        process.wait()
        assert is_dead(alive, HERE)
        assert lease_in(private, clock).take()


def ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123
        return int(stat.read().rpartition(b")")[2].split()[19])


def test_who_cannot_be_seen_is_not_called_dead() -> None:
    # As where /proc is mounted with hidepid: a process of somebody else, and one that there is not.
    assert not _is_gone(1)
    assert _is_gone(2**22 + 1)
    assert not is_dead(replace(FAR, pid=2**22 + 1), HERE)
    assert not is_dead(replace(HERE, boot="", pid=2**22 + 1), replace(HERE, boot=""))
    assert is_dead(replace(HERE, ticks=HERE.ticks + 1), HERE)  # the number was used again


def test_of_many_one_gets_it(private: Path, clock: FakeClock) -> None:
    for _ in range(20):
        leases = [lease_in(private, clock, replace(FAR, host=str(n))) for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(Lease.take, leases))
        assert sum(won) == 1
        let_pass(private, LIFE_S + 1)
    assert len(list((private / "lease").iterdir())) <= 5


def test_a_slow_taker_does_not_count(private: Path, clock: FakeClock) -> None:
    """He looked, was stopped while others came and went, and then makes a number that was cleared away."""
    fence = Fence(private / "lease")
    for _ in range(3):
        assert fence.take({}, may_follow=lambda _: True)

    def overtaken(_: object) -> bool:
        for _ in range(10):
            assert fence.take({}, may_follow=lambda _: True)
        return True

    assert Fence(private / "lease").take({}, may_follow=overtaken) is None
    assert fence.highest() == 13


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"host": 1}'])
def test_a_post_that_cannot_be_read_is_somebody_else_until_its_time_is_over(
    private: Path, clock: FakeClock, content: bytes
) -> None:
    lease_in(private, clock, FAR).take()
    (private / "lease" / "1").write_bytes(content)
    here = lease_in(private, clock)
    assert not here.take()
    let_pass(private, LIFE_S + 1)
    assert here.take()


def test_a_store_that_was_deleted_does_not_come_back(private: Path, clock: FakeClock) -> None:
    with pytest.raises(FileNotFoundError):
        Lease(private / "gone" / "lease", HERE, clock, LIFE_S).take()
    assert not (private / "gone").exists()


CHANGES: tuple[dict[str, Any], ...] = ({"pid": None}, {"pid": 2**63}, {"pid": -1}, {"started_at": "x"})


def test_holders_are_read_as_they_were_written() -> None:
    assert read_holder(json.loads(json.dumps(HERE.to_dict()))) == HERE
    whole = HERE.to_dict()
    damages: tuple[Any, ...] = (None, [], {}, *({**whole, **change} for change in CHANGES))
    for damaged in damages:
        assert read_holder(damaged) is None
