"""Who refreshes: the agents of a store agree on one, and give each other's machines the keys."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.logins.credentials import Login
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.lease import Lease
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.refreshing.tenure import Tenure
from tests.agent.test_lease import let_pass

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clock import FakeClock

LOGIN = Login("cta", "https://i", 0, "c", "https://s", "openid", "openid", None, None, "refresh-1")
LIFE_S, TICK_S = 90.0, 30.0


class Host:
    """An agent's part in it, on a machine of its own."""

    def __init__(self, base: Path, name: str, clock: FakeClock) -> None:
        me = replace(this_process(1.0), boot=name, host=name)
        self.vault = Vault(base / "store", Machine(base / name, base / "store"))
        self.lease = Lease(base / "store" / "lease", me, clock, LIFE_S)
        self.tenure = Tenure(
            self.lease,
            self.vault,
            lambda profile: Lease(self.vault.spending_dir(profile), me, clock, 180),
            me,
            clock,
            every_s=TICK_S,
        )


@pytest.fixture
def one(private: Path, clock: FakeClock) -> Host:
    """A machine with a login."""
    host = Host(private, "one", clock)
    host.vault.prepare()
    with host.vault.lock("cta"):
        host.vault.save(LOGIN, Tokens("access", 300.0), clock.now())
    return host


@pytest.fixture
def two(private: Path, clock: FakeClock) -> Host:
    """Another one."""
    return Host(private, "two", clock)


def test_one_refreshes_the_other_watches_and_goes_on(one: Host, two: Host, clock: FakeClock, private: Path) -> None:
    two.vault.machine.make_key()
    assert one.tenure.tick()
    assert one.tenure.holds()
    assert not two.tenure.tick()
    assert two.tenure.facts()["host"] == "one"
    assert one.tenure.facts()["refreshes"] is True

    clock.sleep(TICK_S)
    assert one.tenure.tick()
    one.tenure.end()
    assert not one.tenure.holds()
    clock.sleep(TICK_S)
    assert two.tenure.tick()
    assert two.tenure.facts() == {
        "refreshes": True,
        "host": "two",
        "pid": two.tenure.facts()["pid"],
        "machine": two.vault.machine.name(),
    }
    clock.sleep(TICK_S)
    assert not one.tenure.tick()


def test_after_a_power_cut_another_goes_on_when_the_lease_is_over(
    one: Host, two: Host, clock: FakeClock, private: Path
) -> None:
    two.vault.machine.make_key()
    assert one.tenure.tick()
    for _ in range(2):
        clock.sleep(TICK_S)
        assert not two.tenure.tick()
    base = private / "store"
    (base / "lease").rename(private / "lease")
    let_pass(private, LIFE_S + 1)
    (private / "lease").rename(base / "lease")
    clock.sleep(TICK_S)
    assert two.tenure.tick()


def test_a_new_machine_is_given_the_key_by_whoever_can(one: Host, two: Host, clock: FakeClock) -> None:
    one.tenure.tick()
    two.vault.machine.make_key()
    assert not two.vault.can_open("cta")
    clock.sleep(TICK_S)
    generation = one.vault.generation("cta")
    one.tenure.tick()
    login = two.vault.load("cta")
    assert login is not None
    assert login.refresh_token == "refresh-1"
    assert one.vault.generation("cta") == generation


def test_one_profile_that_others_can_touch_does_not_stand_in_the_way_of_the_next(
    one: Host, two: Host, clock: FakeClock
) -> None:
    with one.vault.lock("zz"):
        one.vault.save(replace(LOGIN, profile="zz"), Tokens("access", 300.0), clock.now())
    two.vault.machine.make_key()
    one.vault.store.profile_dir("cta").chmod(0o750)
    assert one.tenure.tick()
    assert two.vault.can_open("zz")
    assert not two.vault.can_open("cta")
    one.vault.store.profile_dir("cta").chmod(0o700)
    clock.sleep(TICK_S)
    one.tenure.tick()
    assert two.vault.can_open("cta")


def test_a_login_that_somebody_works_on_is_waited_for_by_nobody(one: Host, two: Host, clock: FakeClock) -> None:
    two.vault.machine.make_key()
    ticking = threading.Thread(target=one.tenure.tick)
    with one.vault.lock("cta"):
        ticking.start()
        ticking.join(10)
        assert not ticking.is_alive()
        assert one.tenure.holds()
        assert not two.vault.can_open("cta")
    clock.sleep(TICK_S)
    one.tenure.tick()
    assert two.vault.can_open("cta")


def test_a_key_that_cannot_be_kept_does_not_keep_others_from_theirs(
    one: Host, two: Host, clock: FakeClock, private: Path
) -> None:
    two.vault.machine.make_key()
    (private / "one" / "machine.key").unlink()
    (private / "one").chmod(0o750)
    assert one.tenure.tick()
    (private / "one").chmod(0o700)
    clock.sleep(TICK_S)
    one.tenure.tick()
    assert two.vault.can_open("cta")


def test_who_can_open_nothing_does_not_stand_in_the_way(one: Host, two: Host, clock: FakeClock) -> None:
    two.vault.machine.make_key()
    assert not two.tenure.tick()
    assert two.tenure.facts()["host"] is None
    assert one.tenure.tick()


def test_a_machine_that_was_taken_out_gets_no_later_login(one: Host, two: Host, clock: FakeClock) -> None:
    two.vault.machine.make_key()
    one.tenure.tick()
    assert two.vault.can_open("cta")
    known = one.vault.store.directory / "machines" / f"{two.vault.machine.name()}.json"
    known.unlink()
    login = one.vault.load("cta")
    assert login is not None
    with one.vault.lock("cta"):
        one.vault.save(login, Tokens("access-2", 300.0, refresh_token="refresh-2"), clock.now())
    assert not two.vault.can_open("cta")


def test_between_ticks_nothing_is_touched(one: Host, clock: FakeClock) -> None:
    one.tenure.tick()
    before = {path: path.stat().st_mtime_ns for path in one.vault.store.directory.rglob("*")}
    clock.sleep(TICK_S - 1)
    assert one.tenure.tick()
    assert {path: path.stat().st_mtime_ns for path in one.vault.store.directory.rglob("*")} == before


def test_a_store_that_is_away_is_an_error_and_the_lease_ends_by_itself(
    one: Host, clock: FakeClock, private: Path
) -> None:
    assert one.tenure.tick()
    (private / "store").rename(private / "away")
    clock.sleep(LIFE_S)
    with pytest.raises(OSError, match="No such file"):
        one.tenure.tick()
    assert not one.tenure.holds()
    (private / "away").rename(private / "store")
    assert one.tenure.tick()
