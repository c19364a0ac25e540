"""An agent whose store is gone ends, but not over a mount that comes back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ctaclient_agent.daemon.orphan import PATIENCE_S, OrphanWatch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clock import FakeClock


def test_a_store_that_was_deleted(private: Path, clock: FakeClock) -> None:
    watch = OrphanWatch(private, clock)
    assert not watch.is_orphan()
    shutil.rmtree(private)
    assert not watch.is_orphan()
    clock.sleep(PATIENCE_S - 1)
    assert not watch.is_orphan()
    clock.sleep(1)
    assert watch.is_orphan()


def test_one_that_was_made_anew_is_another(private: Path, clock: FakeClock) -> None:
    watch = OrphanWatch(private, clock)
    private.rename(private.with_name("old"))
    private.mkdir()
    assert not watch.is_orphan()
    clock.sleep(PATIENCE_S)
    assert watch.is_orphan()


def test_one_that_comes_back(private: Path, clock: FakeClock) -> None:
    watch, away = OrphanWatch(private, clock), private.with_name("away")
    seen = []
    for place in (away, private, away, away):
        (private if private.exists() else away).rename(place)
        seen.append(watch.is_orphan())
        clock.sleep(PATIENCE_S)
    assert seen == [False, False, False, True]
