"""A stopped process that holds a login's lock: who waits for it says so, and does not hang."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.config.file import ConfigFile
from ctaclient.config.paths import Paths
from ctaclient.config.settings import Arguments
from ctaclient.errors import AgentError
from ctaclient_agent.commands.logout import log_out
from ctaclient_agent.login.approval import approve_login
from ctaclient_agent.login.manner import Manner
from ctaclient_agent.login.surroundings import Surroundings
from ctaclient_agent.login.target import resolve_target
from ctaclient_agent.login.terminal import Terminal
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.machines.place import machine_directory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clock import FakeClock


@pytest.fixture
def around(private: Path, clock: FakeClock) -> Surroundings:
    environ = {"CTACLIENT_HOME": str(private)}
    return Surroundings(environ, Terminal(io.StringIO()), lambda _: None, lambda: False, clock, lambda _: None)


@pytest.fixture
def vault(around: Surroundings) -> Vault:
    paths = Paths.of(around.environ)
    return Vault(paths.store, Machine(machine_directory(paths, around.environ), paths.store))


def test_a_login(vault: Vault, around: Surroundings, clock: FakeClock) -> None:
    """Before anybody is asked to approve it."""
    given = Arguments(issuer="https://issuer.example", client_id="me", storage_url="https://storage.example")
    target = resolve_target(given, around.environ, ConfigFile())
    with vault.lock(target.name), pytest.raises(AgentError, match=f"held by pid {os.getpid()} for 40 s"):
        approve_login(vault, target, None, None, Manner(), around)
    assert 40 <= clock.passed < 41


def test_a_logout(vault: Vault, around: Surroundings) -> None:
    with vault.lock("cta-cscs"):
        sealed = vault.sealed_file("cta-cscs")
        sealed.touch(mode=0o600)
        with pytest.raises(AgentError, match=f"held by pid {os.getpid()} for 40 s"):
            log_out(Arguments(), around)
    assert sealed.exists()
