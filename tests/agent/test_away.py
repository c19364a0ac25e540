"""What the agent does not know or cannot reach for a while, and what it must not lose when it ends."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from ctaclient.client import Client
from ctaclient.control.messages import Request
from ctaclient.errors import AgentError, LoginRequired, NetworkError
from ctaclient.sandbox.faults.fault import Fault
from ctaclient.tokens.error_file import ErrorFile
from tests.support.unusual import away
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome

READ = "storage.read:/"


def test_a_store_that_is_away_does_not_end_the_agent(agent_home: AgentHome) -> None:
    agent_home.log_in()
    pid = agent_home.pid()
    with away(agent_home.paths.store):
        for _ in range(3):
            assert agent_home.facts()["state"] == "fresh"
        with pytest.raises(AgentError, match="File name too long"):
            agent_home.ask(Request("reload"))
        with pytest.raises(AgentError, match="File name too long"):
            agent_home.ask(Request("token", "localhost", READ))
        eventually(lambda: "the store cannot be used" in agent_home.log())
    assert agent_home.ask(Request("reload"))["profiles"]["localhost"]["state"] == "fresh"
    assert agent_home.status()["pid"] == pid


def test_a_lease_that_cannot_be_read_does_not_hide_a_new_login(agent_home: AgentHome) -> None:
    agent_home.log_in()
    lease = agent_home.paths.store / "lease"
    shutil.rmtree(lease)
    lease.touch()
    agent_home.ask(Request("reload"))
    agent_home.status()
    shutil.copytree(agent_home.paths.store / "localhost", agent_home.paths.store / "other")
    eventually(lambda: "other" in agent_home.status()["profiles"])


def test_nothing_is_made_for_an_unknown_profile(agent_home: AgentHome) -> None:
    agent_home.log_in()
    before = sorted(agent_home.home.rglob("*"))
    with pytest.raises(LoginRequired, match="no login for profile 'tyop'"):
        agent_home.ask(Request("token", "tyop", READ))
    assert sorted(agent_home.home.rglob("*")) == before
    assert ErrorFile(agent_home.paths.state).read().errors == ()


def test_a_narrower_token_under_way_is_waited_for(agent_home: AgentHome) -> None:
    """It has spent the login's refresh token: what the issuer answers is the only one that is good."""
    done = agent_home.start(*agent_home.arguments(), "--scope", f"openid offline_access {READ}")
    assert done.exit_code == 0, done.stderr
    requests, generation = agent_home.token_requests(), agent_home.generation()
    agent_home.sandbox.fault("issuer", Fault("delay", path_part="/token", seconds=2))
    client = Client(environ=agent_home.environ)
    asking = threading.Thread(target=client.token, kwargs={"scope": READ})
    asking.start()
    eventually(lambda: _is_spending(agent_home))
    os.kill(agent_home.pid(), signal.SIGTERM)
    asking.join()
    eventually(lambda: not agent_home.runs())
    assert agent_home.token_requests() == requests + 1
    assert agent_home.generation() == generation + 1
    assert len(agent_home.store.scoped("localhost").profiles()) == 1


def test_what_cannot_be_stored_is_said_when_the_agent_ends(agent_home: AgentHome) -> None:
    done = agent_home.start(*agent_home.arguments(), "--scope", f"openid offline_access {READ}")
    assert done.exit_code == 0, done.stderr
    (agent_home.paths.store / "machines").chmod(0o750)  # what is written is sealed for the machines in there
    with pytest.raises(NetworkError, match="the new token cannot be stored"):
        agent_home.ask(Request("token", "localhost", READ))
    agent_home.ask(Request("stop"))
    eventually(lambda: not agent_home.runs())
    assert "localhost: what the issuer answered cannot be stored and is lost" in agent_home.log()
    assert [error.kind for error in ErrorFile(agent_home.paths.state).read().errors] == ["store"]


def _is_spending(home: AgentHome) -> bool:
    spending = home.store.profile_dir("localhost") / "spending"
    return any(path.stat().st_mtime > 0 for path in spending.iterdir()) if spending.exists() else False
