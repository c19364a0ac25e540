"""A second machine of the same home: it watches, is given the key, and goes on when the first one ends.

The second machine is a container of the poorest kind: processes, host name and what belongs to the machine are its
own, the home is shared.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ctaclient.config.paths import Paths
from ctaclient.control.messages import Request
from ctaclient_agent.machines.machine import Machine
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.agent_home import AgentHome

ROOT = () if os.geteuid() == 0 else ("--user", "--map-current-user")
CONTAINER = ("unshare", *ROOT, "--pid", "--fork", "--mount-proc", "--kill-child")


def can_make_containers() -> bool:
    try:
        return subprocess.run([*CONTAINER, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not can_make_containers(), reason="unshare(1) may not make a process namespace here")


@dataclass
class Machines:
    """The first one's home, and the environment of the second."""

    first: AgentHome
    second: dict[str, str]
    running: list[subprocess.Popen[str]]

    def start_second(self) -> str:
        """`start-agent` on the second machine, which goes on until the end of the test; what it said."""
        program = f"{sys.executable} -P -m ctaclient start-agent 2>&1 && echo started && cat"
        process = subprocess.Popen(
            [*CONTAINER, "sh", "-c", program],
            env=self.second,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line == "started\n":
                break
        return said

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


def paths_on(shared: Path, name: str) -> Paths:
    """What platformdirs makes of the environment below."""
    own = shared / name
    return Paths(
        shared / "config" / "ctaclient",
        shared / "data" / "ctaclient" / "store",
        own / "state" / "ctaclient",
        own / "run" / "ctaclient",
    )


def environment(home: AgentHome, name: str) -> dict[str, str]:
    own = home.home / name
    for part in ("run", "state"):
        (own / part).mkdir(parents=True, mode=0o700)
    return {
        **{name: home.environ[name] for name in ("PATH", "PYTHONPATH", "CTACLIENT_CA_BUNDLE")},
        "HOME": str(home.home),
        "XDG_DATA_HOME": str(home.home / "data"),
        "XDG_CONFIG_HOME": str(home.home / "config"),
        "XDG_STATE_HOME": str(own / "state"),
        "XDG_RUNTIME_DIR": str(own / "run"),
    }


@pytest.fixture
def machines(busy_home: AgentHome) -> Iterator[Machines]:
    busy_home.home.mkdir(mode=0o700)
    first, second = (environment(busy_home, name) for name in ("first", "second"))
    busy_home.use(first, paths_on(busy_home.home, "first"))
    found = Machines(busy_home, second, [])
    yield found
    found.end()


@pytest.mark.slow
def test_it_watches_is_given_the_key_and_goes_on(machines: Machines) -> None:
    first = machines.first
    first.log_in()
    pid = first.pid()
    said = machines.start_second()
    assert "logged in to localhost; " in said
    assert f"pid {pid}" in said
    assert "and gives this machine the key" in said
    assert "code" not in said

    vault, far = first.vault(), paths_on(first.home, "second")
    second = Machine(far.state / "machine", far.store)
    assert set(vault.machine.recipients()) == {vault.machine.name(), second.name()}
    first.ask(Request("reload"))
    eventually(lambda: not vault.newcomers("localhost"))
    generation = first.generation()
    eventually(lambda: first.generation() >= generation + 2)
    assert first.status()["lease"]["refreshes"] is True

    first.ask(Request("stop"))
    eventually(lambda: not first.runs())
    generation = first.generation()
    eventually(lambda: first.generation() > generation, timeout_s=60)
    assert "this agent refreshes" in far.agent_log.read_text()

    back = first.start()
    assert back.exit_code == 0, back.stderr
    assert "this machine goes on when that ends" in back.stderr
    assert first.status()["lease"]["refreshes"] is False
    assert first.facts()["state"] == "fresh"


@pytest.mark.slow
def test_a_machine_without_the_key_watches_and_says_so(machines: Machines) -> None:
    first = machines.first
    first.log_in()
    first.ask(Request("stop"))
    eventually(lambda: not first.runs())
    # The only machine that can open the login is away: a person may log in here, and nothing else helps.
    process = subprocess.run(
        [*CONTAINER, "timeout", "5", sys.executable, "-P", "-m", "ctaclient", "start-agent"],
        env=machines.second,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "this machine has no key to the sealed login" in process.stderr
    assert "enter the code" in process.stderr
    assert first.start().exit_code == 0
    assert first.facts()["state"] == "fresh"
