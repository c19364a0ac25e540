"""An agent whose store is gone ends, but not over a mount that comes back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ctaclient_agent.instance import Instance
from ctaclient_agent.orphan import PATIENCE_S, OrphanWatch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clock import FakeClock


def test_a_store_that_was_deleted(private: Path, clock: FakeClock) -> None:
    instance = Instance(private / "store")
    assert instance.take(clock.now()) is not None
    watch = OrphanWatch(instance.store_is_gone, clock)
    assert not watch.is_orphan()

    shutil.rmtree(private / "store")
    assert not watch.is_orphan()
    clock.sleep(PATIENCE_S - 1)
    assert not watch.is_orphan()
    clock.sleep(1)
    assert watch.is_orphan()
    instance.release()


def test_one_that_was_made_anew_is_another(private: Path, clock: FakeClock) -> None:
    instance = Instance(private / "store")
    assert instance.take(clock.now()) is not None
    shutil.rmtree(private / "store")
    successor = Instance(private / "store")
    assert successor.take(clock.now()) is not None
    assert instance.store_is_gone()
    assert not successor.store_is_gone()
    instance.release()
    successor.release()


def test_one_that_comes_back(clock: FakeClock) -> None:
    looks = iter([True, False, True, True])
    watch = OrphanWatch(lambda: next(looks), clock)
    seen = []
    for _ in range(4):
        seen.append(watch.is_orphan())
        clock.sleep(PATIENCE_S)
    assert seen == [False, False, False, True]
