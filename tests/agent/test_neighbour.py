"""One machine, two runtime directories, as cron and ssh may have: there is one agent all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.config.paths import Paths
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.agent_home import AgentHome


@pytest.fixture
def elsewhere(agent_home: AgentHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of another session; the agent of `agent_home` runs in the first, which is cut off from it."""
    (tmp_path / "me").mkdir(mode=0o700)
    for name in ("first", "second"):
        (tmp_path / name).mkdir(mode=0o700)
    environ = {name: value for name, value in agent_home.environ.items() if name != "CTACLIENT_HOME"}
    environ |= {"HOME": str(tmp_path / "me"), "XDG_RUNTIME_DIR": str(tmp_path / "first")}
    monkeypatch.setenv("HOME", environ["HOME"])
    agent_home.use(environ, Paths.of(environ))
    agent_home.log_in()
    eventually(lambda: agent_home.status()["lease"]["refreshes"])
    return environ | {"XDG_RUNTIME_DIR": str(tmp_path / "second")}


def test_start_finds_it_and_stop_stops_it(agent_home: AgentHome, elsewhere: dict[str, str]) -> None:
    pid = agent_home.pid()
    first, agent_home.environ = agent_home.environ, elsewhere
    again = agent_home.run("start-agent")
    assert (again.returncode, f"the agent is running (pid {pid})" in again.stderr) == (0, True), again.stderr
    assert agent_home.run("stop-agent").stderr == "the agent has stopped\n"
    agent_home.environ = first
    assert not agent_home.runs()


def test_logout_tells_it(agent_home: AgentHome, elsewhere: dict[str, str]) -> None:
    first, agent_home.environ = agent_home.environ, elsewhere
    assert agent_home.run("logout").returncode == 0
    agent_home.environ = first
    assert agent_home.status()["profiles"] == {}
