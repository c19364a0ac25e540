"""Who stops the agent goes on when it has ended, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient._util.clock import SystemClock
from ctaclient.control.stop import stop_agent
from ctaclient.sandbox.faults.fault import Fault
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome


def test_a_refresh_under_way_is_waited_for(busy_home: AgentHome) -> None:
    busy_home.log_in()
    busy_home.sandbox.fault("issuer", Fault("delay", path_part="/token", seconds=2))
    eventually(lambda: busy_home.facts()["state"] == "refreshing")
    generation = busy_home.generation()
    paths = busy_home.paths
    assert stop_agent(paths.agent_socket, paths.store, SystemClock()) == paths.agent_socket
    assert busy_home.generation() == generation + 1
    assert stop_agent(paths.agent_socket, paths.store, SystemClock()) is None
