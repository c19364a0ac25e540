"""An agent whose store is gone ends, but not over a mount that comes back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ctaclient_agent.daemon.orphan import PATIENCE_S, OrphanWatch
from ctaclient_agent.machines.machine import Machine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clock import FakeClock


def test_a_store_that_was_deleted(private: Path, clock: FakeClock) -> None:
    watch = OrphanWatch(private, clock, lambda: False)
    assert not watch.is_orphan()
    shutil.rmtree(private)
    assert not watch.is_orphan()
    clock.sleep(PATIENCE_S - 1)
    assert not watch.is_orphan()
    clock.sleep(1)
    assert watch.is_orphan()


def test_one_that_was_made_anew_is_another(private: Path, clock: FakeClock) -> None:
    watch = OrphanWatch(private, clock, lambda: False)
    private.rename(private.with_name("old"))
    private.mkdir()
    assert not watch.is_orphan()
    clock.sleep(PATIENCE_S)
    assert watch.is_orphan()


def test_one_that_comes_back(private: Path, clock: FakeClock) -> None:
    watch, away = OrphanWatch(private, clock, lambda: False), private.with_name("away")
    seen = []
    for place in (away, private, away, away):
        (private if private.exists() else away).rename(place)
        seen.append(watch.is_orphan())
        clock.sleep(PATIENCE_S)
    assert seen == [False, False, False, True]


def test_one_that_was_numbered_anew_is_the_same(private: Path, clock: FakeClock) -> None:
    """As FUSE file systems do at each mount."""
    machine = Machine(private / "machine", private / "store")
    machine.make_key()
    watch = OrphanWatch(private / "store", clock, machine.is_known)
    shutil.copytree(private / "store", private / "again")
    shutil.rmtree(private / "store")
    (private / "again").rename(private / "store")
    assert not watch.is_orphan()
    clock.sleep(PATIENCE_S)
    assert not watch.is_orphan()
    shutil.rmtree(private / "store" / "machines")
    assert not watch.is_orphan()  # the number that counts now is the new one
    clock.sleep(PATIENCE_S)
    assert not watch.is_orphan()
    (private / "store").rename(private / "old")
    (private / "store").mkdir()
    assert not watch.is_orphan()
    clock.sleep(PATIENCE_S)
    assert watch.is_orphan()


def test_one_that_cannot_be_looked_into_is_away(private: Path, clock: FakeClock) -> None:
    def is_ours() -> bool:
        raise PermissionError

    watch = OrphanWatch(private, clock, is_ours)
    private.rename(private.with_name("old"))
    private.mkdir()
    for _ in range(2):
        assert not watch.is_orphan()
        clock.sleep(PATIENCE_S)
