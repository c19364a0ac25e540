"""The agent as a service, with a user manager of the test's own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ctaclient.control.messages import Request
from tests.support.fake_systemd import FakeSystemd
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.agent_home import AgentHome


@pytest.fixture
def systemd(agent_home: AgentHome, tmp_path: Path) -> Iterator[FakeSystemd]:
    """A manager that `agent_home` finds on its PATH."""
    (tmp_path / "user").mkdir(mode=0o700)
    running = FakeSystemd(tmp_path / "systemd", tmp_path / "user")
    agent_home.environ |= {"PATH": running.path, "HOME": str(tmp_path / "user")}
    yield running
    running.end()


def ctaclient(home: AgentHome, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "ctaclient", *arguments]
    return subprocess.run(
        command, env=home.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def test_from_the_background_into_a_service_and_back(agent_home: AgentHome, systemd: FakeSystemd) -> None:
    agent_home.log_in()
    before = agent_home.pid()
    done = ctaclient(agent_home, "agent", "install")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "loginctl enable-linger" in done.stderr
    assert agent_home.pid() == systemd.pid() != before
    assert agent_home.facts()["state"] == "fresh"
    assert systemd.unit_file.stat().st_mode & 0o777 == 0o600
    assert systemd.calls() == [
        "--user daemon-reload",
        "--user enable ctaclient-agent.service",
        "--user start ctaclient-agent.service",
    ]

    systemd.linger("yes")
    again = ctaclient(agent_home, "agent", "install")
    assert (again.returncode, "installed already" in again.stderr, "linger" in again.stderr) == (0, True, False)
    assert agent_home.pid() == systemd.pid()
    assert systemd.calls()[3:] == ["--user enable ctaclient-agent.service"]

    text = systemd.unit_file.read_text()
    systemd.unit_file.write_text(text.replace("WatchdogSec=300", "WatchdogSec=60"))  # as an older ctaclient wrote it
    assert ctaclient(agent_home, "agent", "install").returncode == 0
    assert systemd.unit_file.read_text() == text
    assert systemd.calls()[-1] == "--user restart ctaclient-agent.service"
    assert ctaclient(agent_home, "agent", "install", "--debug").returncode == 0
    assert "ctaclient_agent run --debug\n" in systemd.unit_file.read_text()
    assert ctaclient(agent_home, "agent", "install").returncode == 0

    assert ctaclient(agent_home, "stop-agent").returncode == 0
    eventually(lambda: not agent_home.runs())
    started = ctaclient(agent_home, "start-agent")
    assert started.returncode == 0, started.stderr
    assert f"(pid {systemd.pid()}, as a service)" in started.stderr
    assert agent_home.pid() == systemd.pid()

    gone = ctaclient(agent_home, "agent", "uninstall")
    assert gone.returncode == 0, gone.stderr
    assert not agent_home.runs()
    assert list(systemd.unit_file.parent.rglob("*.service")) == []
    assert ctaclient(agent_home, "agent", "uninstall").stderr == "no service is installed\n"
    assert ctaclient(agent_home, "start-agent").returncode == 0  # in the background again
    assert agent_home.pid() != systemd.pid()


def test_a_service_waits_for_a_new_login_but_does_not_start_without_any(
    agent_home: AgentHome, systemd: FakeSystemd
) -> None:
    done = ctaclient(agent_home, "agent", "install")
    assert done.returncode == 0, done.stderr
    assert "there is no login yet" in done.stderr
    assert "--user start ctaclient-agent.service" not in systemd.calls()
    run = subprocess.run(
        [sys.executable, "-P", "-m", "ctaclient_agent", "run"], env=agent_home.environ, capture_output=True, text=True
    )
    assert run.returncode == 4  # RestartPreventExitStatus
    assert run.stderr == "ctaclient: there is no login to keep\n  try: ctaclient start-agent\n"

    agent_home.log_in()
    assert agent_home.pid() == systemd.pid()
    agent_home.ask(Request("stop"))
    eventually(lambda: not agent_home.runs())


def test_a_service_that_finds_another_agent_has_not_succeeded(logged_in: AgentHome) -> None:
    run = subprocess.run(
        [sys.executable, "-P", "-m", "ctaclient_agent", "run"], env=logged_in.environ, capture_output=True, text=True
    )
    assert run.returncode == 6  # RestartPreventExitStatus
    assert "an agent is running already" in run.stderr


def test_a_key_with_a_passphrase(agent_home: AgentHome, systemd: FakeSystemd, private: Path) -> None:
    (private / "passphrase").write_text("correct horse battery staple\n")
    command = f"cat {private / 'passphrase'}"
    done = agent_home.start(*agent_home.arguments(), "--passphrase-command", command)
    assert done.exit_code == 0, done.stderr
    refused = ctaclient(agent_home, "agent", "install")
    assert refused.returncode == 2
    assert "try: ctaclient agent install --passphrase-command COMMAND" in refused.stderr
    assert not systemd.unit_file.exists()
    wrong = ctaclient(agent_home, "agent", "install", "--passphrase-command", "echo wrong")
    assert (wrong.returncode, systemd.unit_file.exists()) == (2, False)
    assert ctaclient(agent_home, "agent", "install", "--passphrase-command", command).returncode == 0
    assert agent_home.pid() == systemd.pid()
    assert agent_home.facts()["state"] == "fresh"


def test_a_unit_of_another_store_is_left_alone(agent_home: AgentHome, systemd: FakeSystemd) -> None:
    agent_home.environ["CTACLIENT_HOME"] += "-of-somebody"
    assert ctaclient(agent_home, "agent", "install").returncode == 0
    agent_home.environ["CTACLIENT_HOME"] = str(agent_home.home)
    agent_home.log_in()
    assert "--user start ctaclient-agent.service" not in systemd.calls()


@pytest.mark.parametrize("command", ["install", "uninstall"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_not_ours_is_not_touched(
    agent_home: AgentHome, systemd: FakeSystemd, command: str, kind: str, tmp_path: Path
) -> None:
    systemd.unit_file.parent.mkdir(parents=True)
    if kind == "file":
        systemd.unit_file.write_text("[Service]\nExecStart=/mine\n")
    else:
        systemd.unit_file.symlink_to(tmp_path / "elsewhere")
    done = ctaclient(agent_home, "agent", command)
    assert done.returncode == 6
    assert f"{systemd.unit_file} was not written by ctaclient" in done.stderr
    assert systemd.calls() == []
    assert systemd.unit_file.is_symlink() == (kind == "link")
    assert kind == "link" or systemd.unit_file.read_text() == "[Service]\nExecStart=/mine\n"


def test_without_a_manager(agent_home: AgentHome, systemd: FakeSystemd) -> None:
    agent_home.log_in()
    assert ctaclient(agent_home, "agent", "install").returncode == 0
    assert ctaclient(agent_home, "stop-agent").returncode == 0
    eventually(lambda: not agent_home.runs())
    systemd.vanish()
    done = ctaclient(agent_home, "agent", "install")
    assert done.returncode == 1
    assert "there is no systemd user manager here" in done.stderr
    assert "login nodes" in done.stderr
    assert ctaclient(agent_home, "start-agent").returncode == 0  # plain detach
    assert agent_home.runs()
    assert ctaclient(agent_home, "agent", "uninstall").returncode == 0
    assert not systemd.unit_file.exists()
    assert agent_home.runs()  # it never was a service
