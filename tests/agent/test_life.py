"""The agent's life from end to end: in the foreground, watched, and telling what happened."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctaclient._util.clock import SystemClock
from ctaclient.control.messages import Request, encode_answer
from ctaclient.sandbox.faults.fault import Fault
from ctaclient.sandbox.options import Options
from ctaclient.sandbox.person import approve
from ctaclient.sandbox.sandbox import Sandbox
from ctaclient.tokens.error_file import ErrorFile
from ctaclient.tokens.error_list import ErrorList
from ctaclient.tokens.login_end import Horizon
from ctaclient_agent.daemon.listener import Listener
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.agent_home import AgentHome

DAY_S = 86_400.0
TELL = "import os, sys; open(sys.argv[1], 'a').write(sys.argv[2] + '\\n')"


def ctaclient(home: AgentHome, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "ctaclient", *arguments]
    return subprocess.run(
        command, env=home.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(
    home: AgentHome, *command: str, stdout: int = subprocess.DEVNULL, **environ: str
) -> Iterator[subprocess.Popen[str]]:
    """A program in the foreground, ended at the latest when the test is."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", *command],
        env={**home.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], end: str) -> str:
    """What it says, up to the line with `end`."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if end in line:
            return said
    raise AssertionError(f"it ended without {end!r}: {said}")


@pytest.fixture
def manager(private: Path) -> Iterator[socket.socket]:
    """Where a service manager listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(private / "notify"))
        listener.settimeout(20)
        yield listener


def hear(manager: socket.socket, wanted: str) -> str:
    """The first message with that line."""
    while True:
        said = manager.recv(4096).decode()
        if wanted in said.splitlines():
            return said


def test_in_the_foreground(agent_home: AgentHome, manager: socket.socket) -> None:
    arguments = ("ctaclient", "start-agent", "--foreground", *agent_home.arguments())
    notify = {"NOTIFY_SOCKET": manager.getsockname(), "BEARER_TOKEN": "of-somebody-else"}
    with running(agent_home, *arguments, **notify) as process:
        said = read_until(process, "enter the code")
        code, uri = re.search(r"enter the code (\S+)", said), re.search(r"https://\S+", said)
        assert code is not None
        assert uri is not None
        approve(uri[0], code[1], agent_home.sandbox.ca_file)
        said = read_until(process, "the agent is running")
        started = r"^\d{4}-\d\d-\d\d \S+ INFO ctaclient_agent.daemon.service: agent \S+ started"
        assert re.search(started, said, re.MULTILINE)
        assert agent_home.pid() == process.pid  # no parent, no child: signals and READY come from one place
        assert "READY=1" in hear(manager, "READY=1")
        assert agent_home.facts()["state"] == "fresh"
        assert "agent" in agent_home.log()

        other = ctaclient(agent_home, "start-agent", "--foreground")
        assert other.returncode == 6
        assert other.stderr == (
            f"ctaclient: an agent is running already (pid {process.pid})\n  try: ctaclient stop-agent\n"
        )
        assert ctaclient(agent_home, "start-agent").returncode == 0
        process.send_signal(signal.SIGTERM)
        said = read_until(process, "agent stopped")
        assert process.wait(timeout=20) == 0
    assert agent_home.store.token_file("localhost").exists()


def test_the_foreground_gets_a_key_that_it_could_not_open(agent_home: AgentHome, private: Path) -> None:
    (private / "passphrase").write_text("correct horse battery staple\n")
    opened = ("--passphrase-command", f"cat {private / 'passphrase'}")
    assert agent_home.start(*agent_home.arguments(), *opened).exit_code == 0
    agent_home.ask(Request("stop"))
    eventually(lambda: not agent_home.runs())
    with running(agent_home, "ctaclient_agent", "start", "--foreground", *opened) as process:
        read_until(process, "the agent is running")
        assert agent_home.pid() == process.pid
        assert agent_home.status()["lease"]["machine"]  # it has the key
        assert b"passphrase" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_a_login_in_the_foreground_can_be_ended(agent_home: AgentHome) -> None:
    with running(agent_home, "ctaclient", "start-agent", "--foreground", *agent_home.arguments()) as process:
        read_until(process, "Waiting")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 143
    assert not agent_home.has_login()


def test_the_watchdog_hears_the_loop_and_nothing_else(agent_home: AgentHome, manager: socket.socket) -> None:
    agent_home.log_in()
    agent_home.ask(Request("stop"))
    eventually(lambda: not agent_home.runs())
    notify = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "400000"}
    with running(agent_home, "ctaclient_agent", "run", **notify) as process:
        assert re.search(r"^STATUS=1 of 1 logins alive; next refresh ", hear(manager, "READY=1"), re.MULTILINE)
        began = time.monotonic()
        for _ in range(3):
            hear(manager, "WATCHDOG=1")
        assert time.monotonic() - began > 0.2  # once for each time round, not in a whirl

        process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{process.pid}/status")
        eventually(lambda: "\nState:\tT" in status.read_text())
        manager.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while manager.recv(4096):
                pass
        manager.settimeout(1.0)
        with pytest.raises(TimeoutError):
            manager.recv(4096)
        process.send_signal(signal.SIGCONT)
        manager.settimeout(20)
        hear(manager, "WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        hear(manager, "STOPPING=1")
        assert process.wait(timeout=20) == 0


def test_the_log_can_be_followed(agent_home: AgentHome) -> None:
    agent_home.log_in()
    last = agent_home.log().splitlines()[-1]
    with running(agent_home, "ctaclient", "agent", "logs", "-n", "1", "-f", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with process.stdout as stdout:
            assert stdout.readline() == f"{last}\n"
            agent_home.ask(Request("stop"))
            assert stdout.readline().endswith("agent stopped\n")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 130


def test_an_agent_of_another_version_is_spoken_of(agent_home: AgentHome) -> None:
    facts = {"version": "0.0.1", "pid": 7, "store": str(agent_home.paths.store), "profiles": {}}
    listener = Listener(agent_home.paths.agent_socket, lambda _: encode_answer(**facts), SystemClock())
    done = threading.Event()

    def serve() -> None:
        while not done.wait(0.01):
            listener.accept()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        said = agent_home.start(*agent_home.arguments(), deny=True).stderr
    finally:
        done.set()
        thread.join()
        listener.close()
    assert said.startswith("ctaclient: the running agent is version 0.0.1, installed is ")
    assert "restart it: ctaclient stop-agent; ctaclient start-agent\n" in said


def tell_into(home: AgentHome, file: Path) -> None:
    """Have the agent write what it tells into a file."""
    config = home.paths.config_file
    config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = config.read_text() if config.exists() else ""
    command = json.dumps([sys.executable, "-c", TELL, str(file)])
    config.touch(mode=0o600)
    config.write_text(f"notify_command = {command}\n{before}")


def test_a_refused_login_is_noted_told_and_over(busy_home: AgentHome, tmp_path: Path) -> None:
    told = tmp_path / "told"
    tell_into(busy_home, told)
    busy_home.log_in()
    outage = Fault("status", path_part="/token", status=503)
    body = '{"error": "invalid_grant", "error_description": "Session not active"}'
    for fault in (outage, outage, Fault("status", path_part="/token", status=400, body=body)):
        busy_home.sandbox.fault("issuer", fault)
    eventually(lambda: busy_home.facts()["state"] == "login_required")
    eventually(told.exists)
    eventually(lambda: told.read_text().endswith("\n"))
    assert told.read_text().splitlines() == [
        "the login of profile localhost has ended: the issuer ended the login: invalid_grant: Session not active; "
        "type: ctaclient start-agent --profile localhost"
    ]
    errors = [json.loads(line) for line in ctaclient(busy_home, "agent", "errors", "--json").stdout.splitlines()]
    assert [(each["kind"], each["count"], each["profile"]) for each in errors] == [
        ("server", 2, "localhost"),
        ("login-required", 1, "localhost"),
    ]
    status = ctaclient(busy_home, "agent", "status")
    assert status.returncode == 4
    assert "errors    2 unread" in status.stdout
    assert "  state   login required\n" in status.stdout

    # Neither a restart nor a look at the logins is a change.
    busy_home.ask(Request("stop"))
    eventually(lambda: not busy_home.runs())
    with running(busy_home, "ctaclient_agent", "run") as process:
        read_until(process, "the agent is running")
        busy_home.ask(Request("reload"))
        assert busy_home.start().exit_code == 0
        eventually(lambda: not any(each.open for each in ErrorFile(busy_home.paths.state).read().errors))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert len(told.read_text().splitlines()) == 1
    assert ctaclient(busy_home, "agent", "errors", "ack", "--all").stdout == "2\n"


def test_the_end_of_a_login_is_shown_told_and_put_off_by_a_new_one(
    tmp_path: Path, make_home: Callable[[Sandbox], AgentHome]
) -> None:
    with Sandbox.start(tmp_path / "sandbox", Options(login_lifetime_s=int(6 * DAY_S))) as sandbox:
        home = make_home(sandbox)
        home.log_in()
        record = home.store.record("localhost")
        assert record is not None
        assert record.login_ends_at is not None
        assert abs(record.login_ends_at - time.time() - 6 * DAY_S) < 60
        assert "  login   ends " in ctaclient(home, "agent", "status").stdout
        home.ask(Request("stop"))
        eventually(lambda: not home.runs())

        # As if this end had been the same for three weeks.
        file, told = ErrorFile(home.paths.state), tmp_path / "told"
        horizons = {"localhost": Horizon(record.login_ends_at, time.time() - 21 * DAY_S)}
        file.change(lambda _: (ErrorList(horizons=horizons), None))
        tell_into(home, told)
        with running(home, "ctaclient_agent", "run") as process:
            read_until(process, "the agent is running")
            eventually(lambda: told.exists() and told.read_text().endswith("\n"))
            assert "start-agent --new-login --profile localhost" in told.read_text()
            (error,) = file.read().errors
            assert (error.kind, error.count) == ("login-ends-in-7-days", 1)
            ls = ctaclient(home, "ls")
            assert ls.returncode == 0
            assert ls.stderr == f"ctaclient: {error.message}\n"
            assert ctaclient(home, "ls").stderr == ""
            again = home.start("--new-login")
            assert again.exit_code == 0, again.stderr
            assert "enter the code" in again.stderr
            assert home.pid() == process.pid
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
