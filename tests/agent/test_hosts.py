"""Twenty agents on three hosts share one store, and no lock reaches from host to host: one refreshes, all is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.logins.credentials import Login
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.machine import Machine
from tests.agent.hosts.host import ISSUER
from tests.agent.hosts.issuer import RotatingIssuer
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTS = ("one", "two", "three")
PROCESSES = 20
LIFE_S = 1.0
# From 60 % of a life on, and an agent that takes over is not early, either.
EARLIEST_S = 0.55 * LIFE_S


@dataclass
class Site:
    """The hosts, their agents and the issuer."""

    base: Path
    issuer: RotatingIssuer
    vault: Vault
    agents: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def log_in(self, name: str) -> None:
        login = Login(name, ISSUER, 0, "c", "https://s", "openid", "openid", None, None, self.issuer.log_in(name))
        with self.vault.lock(name):
            self.vault.save(login, Tokens("first", LIFE_S), time.time())

    def start(self, host: str) -> None:
        self.agents.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.agent.hosts.host", str(self.base), host],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        )

    def await_rounds(self, rounds: int) -> None:
        """Wait until each login was refreshed so often."""
        families = self.issuer.families.values()
        eventually(lambda: all(len(family.given_at) >= rounds for family in families), timeout_s=300)

    def refused(self) -> int:
        return sum(family.refused for family in self.issuer.families.values())

    def stop_a_sender(self, number: int) -> None:
        """Have one stop between looking and sending, until another host has gone on; then let it go on."""
        before = {name: len(family.given_at) for name, family in self.issuer.families.items()}
        (self.base / "stops" / str(number)).touch()
        found: list[Path] = []

        def stopped() -> bool:
            found[:] = list(self.base.glob(f"stopped-{number}-*"))
            return bool(found)

        eventually(stopped)
        pid = int(found[0].name.rpartition("-")[2])
        eventually(lambda: all(len(self.issuer.families[name].given_at) > n + 1 for name, n in before.items()))
        os.kill(pid, signal.SIGCONT)
        agent = next(agent for agent in self.agents if agent.pid == pid)
        assert agent.wait(20) == -signal.SIGALRM  # it came too late, and did not send

    def end(self) -> None:
        for agent in self.agents:
            agent.kill()
            agent.wait()
            for stream in (agent.stdin, agent.stdout):
                if stream is not None:
                    stream.close()
        self.issuer.shutdown()
        self.issuer.server_close()


@pytest.fixture
def site(private: Path) -> Iterator[Site]:
    for name in ("store", "stops"):
        (private / name).mkdir(mode=0o700)
    vault = Vault(private / "store", Machine(private / HOSTS[0], private / "store"))
    running = Site(private, RotatingIssuer(private / "issuer", LIFE_S), vault)
    yield running
    running.end()


def check(site: Site, logins: int) -> None:
    assert site.refused() == 0
    for name, family in site.issuer.families.items():
        record = site.vault.store.record(name)
        assert record is not None
        assert record.state == "fresh"
        # All that was given was stored, but perhaps the one on its way at this moment.
        assert 0 <= len(family.given_at) + 1 - record.generation <= 1
        gaps = [later - before for before, later in zip(family.given_at, family.given_at[1:], strict=False)]
        assert min(gaps) > EARLIEST_S, f"{name} was refreshed twice in one period"


@pytest.mark.parametrize(("logins", "rounds", "stops"), [(3, 5, 1), pytest.param(20, 50, 3, marks=pytest.mark.slow)])
def test_one_refresh_a_period_and_none_refused(site: Site, logins: int, rounds: int, stops: int) -> None:
    for number in range(logins):
        site.log_in(f"login-{number}")
    for number in range(PROCESSES):
        site.start(HOSTS[number % len(HOSTS)])
    for agent in site.agents:
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"ready\n"
    for number in range(stops):
        site.stop_a_sender(number)
        site.await_rounds(rounds * (number + 1) // (stops + 1))
    site.await_rounds(rounds)
    check(site, logins)
    assert len([agent for agent in site.agents if agent.poll() is None]) == PROCESSES - stops
