"""The agent's shared state: who is due, who may ask, what a new login does."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from ctaclient._util.redact import fingerprint
from ctaclient.tokens.pending import Pending, write_pending
from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.logins.credentials import Login
from ctaclient_agent.refreshing.refresh import Passing, Refused, Renewed
from ctaclient_agent.refreshing.roster import Roster
from ctaclient_agent.refreshing.worker import Workers
from tests.agent.conftest import vault_in
from tests.support.unusual import away, no_threads
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient_agent.logins.vault import Vault
    from tests.support.clock import FakeClock

ACCESS = fingerprint("access")
LOGIN = Login("cta", "https://i", 0, "c", "https://s", "openid", "openid", None, None, "refresh-1")


@pytest.fixture
def vault(private: Path) -> Vault:
    return vault_in(private)


@pytest.fixture
def roster(vault: Vault, clock: FakeClock) -> Roster:
    return Roster(vault, clock, Random(1), lambda: None)


def log_in(vault: Vault, clock: FakeClock, name: str = "cta") -> Renewed:
    with vault.lock(name):
        record = vault.save(replace(LOGIN, profile=name), Tokens("access", 300.0), clock.now())
    return Renewed(record, vault.stamp(name))


def states(roster: Roster) -> dict[str, str]:
    return {name: facts["state"] for name, facts in roster.facts().items()}


def test_logins_come_and_go(vault: Vault, roster: Roster, clock: FakeClock) -> None:
    roster.scan()
    assert roster.next_at() is None
    log_in(vault, clock, "a")
    log_in(vault, clock, "b")
    roster.scan()
    assert states(roster) == {"a": "fresh", "b": "fresh"}
    assert roster.take_due() == []
    clock.sleep(220)
    assert sorted(roster.take_due()) == [("a", ACCESS), ("b", ACCESS)]
    assert roster.take_due() == []
    assert roster.refreshing()
    roster.finish("a", log_in(vault, clock, "a"))
    roster.finish("b", Passing("down", stamp=vault.stamp("b")))
    assert states(roster) == {"a": "fresh", "b": "backoff"}
    vault.sealed_file("b").unlink()
    roster.scan()
    assert states(roster) == {"a": "fresh"}


def test_a_store_that_is_away_costs_no_login(vault: Vault, roster: Roster, clock: FakeClock, private: Path) -> None:
    log_in(vault, clock)
    write_pending(vault.store.profile_dir("new"), Pending.here(clock.now(), 300, "https://i/approve"))
    roster.scan()
    assert states(roster) == {"cta": "fresh", "new": "waiting_for_user"}
    with away(private / "store"):
        with pytest.raises(OSError, match="too long"):
            roster.scan()
        assert states(roster) == {"cta": "fresh"}
    (private / "store").rename(private / "kept")
    with pytest.raises(FileNotFoundError):
        roster.scan()
    assert states(roster) == {"cta": "fresh"}
    (private / "store").touch()  # there, and not to be listed
    with pytest.raises(NotADirectoryError):
        roster.scan()
    (private / "store").unlink()
    (private / "kept").rename(private / "store")
    with away(private / "store" / "cta"):
        roster.scan()
        assert states(roster)["cta"] == "fresh"
    vault.wipe("cta")
    roster.scan()
    assert states(roster) == {"new": "waiting_for_user"}


def test_at_the_limit_of_processes_a_refresh_is_tried_later(vault: Vault, roster: Roster, clock: FakeClock) -> None:
    class Refreshes:
        def refresh(self, profile: str, *, known: str | None = None) -> Renewed:
            return log_in(vault, clock, profile)

    log_in(vault, clock)
    roster.scan()
    workers = Workers(Refreshes(), roster)
    for expected in ("backoff", "fresh"):
        clock.sleep(220)
        ((name, known),) = roster.take_due()
        with no_threads() if expected == "backoff" else contextlib.nullcontext():
            workers.start(name, known)
        workers.join()
        assert states(roster) == {"cta": expected}


def test_a_login_that_comes_while_the_old_one_is_refused_wins(vault: Vault, roster: Roster, clock: FakeClock) -> None:
    log_in(vault, clock)
    roster.scan()
    clock.sleep(220)
    roster.take_due()
    refused = Refused("ended", vault.stamp("cta"))
    log_in(vault, clock)
    roster.scan(again=True)
    roster.finish("cta", refused)
    roster.scan()
    assert states(roster) == {"cta": "fresh"}


def test_a_file_put_right_is_taken_up(vault: Vault, roster: Roster, clock: FakeClock) -> None:
    log_in(vault, clock)
    roster.scan()
    vault.sealed_file("cta").chmod(0o640)
    roster.scan()
    assert [name for name, _ in roster.take_due()] == ["cta"]
    roster.finish("cta", Refused("open to others", vault.stamp("cta")))
    roster.scan()
    assert states(roster) == {"cta": "login_required"}
    vault.sealed_file("cta").chmod(0o600)
    roster.scan()
    assert states(roster) == {"cta": "fresh"}


def test_wishes_are_merged_and_answered_when_tried(vault: Vault, roster: Roster, clock: FakeClock) -> None:
    log_in(vault, clock)
    roster.scan()
    assert roster.ask("nobody", 1) is None
    early = roster.ask("cta", 1)
    assert early is not None
    assert early["refreshed"] is False
    clock.sleep(11)
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(roster.ask("cta", 10))) for _ in range(6)]
    for thread in threads:
        thread.start()
    due: list[tuple[str, str | None]] = []

    def look() -> bool:
        due.extend(roster.take_due())
        return bool(due)

    eventually(look)
    roster.finish("cta", log_in(vault, clock))
    for thread in threads:
        thread.join()
    assert due == [("cta", ACCESS)]
    assert roster.take_due() == []
    assert len(answers) == 6


def test_nobody_waits_for_an_agent_that_ends(vault: Vault, roster: Roster, clock: FakeClock) -> None:
    log_in(vault, clock)
    roster.scan()
    clock.sleep(11)
    thread = threading.Thread(target=roster.ask, args=("cta", 60))
    thread.start()
    roster.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_clock_set_back_makes_all_due(vault: Vault, roster: Roster, clock: FakeClock) -> None:
    log_in(vault, clock)
    roster.scan()
    clock.wall -= 3600
    assert roster.take_due() == []
    roster.after_clock_step()
    assert roster.take_due() == [("cta", ACCESS)]


def test_a_directory_that_is_no_login_is_left_alone(vault: Vault, roster: Roster) -> None:
    os.makedirs(vault.store.directory / "stray", mode=0o700)
    roster.scan()
    assert states(roster) == {}
