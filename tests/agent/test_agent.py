"""The agent from end to end, against the sandbox's issuer."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ctaclient._util.redact import fingerprint
from ctaclient.control.messages import Request
from ctaclient.errors import LoginRequired
from ctaclient.sandbox.faults.fault import Fault
from ctaclient.sandbox.options import Options
from ctaclient.sandbox.sandbox import Sandbox
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.agent_home import AgentHome, Terminal


def tree(directory: Path) -> dict[str, bytes | None]:
    """Every file below `directory` with its content."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
        if not stat.S_ISSOCK(path.lstat().st_mode)
    }


def run(home: AgentHome, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`start` as a script would run it."""
    command = [sys.executable, "-m", "ctaclient_agent", *arguments]
    return subprocess.run(
        command, env=home.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
    )


def open_files(pid: int) -> Iterator[str]:
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            yield os.readlink(f"/proc/{pid}/fd/{entry}")
        except FileNotFoundError:
            continue


def test_first_login(agent_home: AgentHome) -> None:
    done = agent_home.log_in()
    # one poll of a second, and a busy machine
    assert agent_home.store.token_file("localhost").stat().st_mtime - done.approved_at < 3
    assert done.stdout == ""
    assert f"the agent is running (pid {agent_home.pid()}), logged in to localhost; " in done.stderr
    assert agent_home.store.token_file("localhost").stat().st_mode & 0o777 == 0o600
    found = agent_home.store.read("localhost")
    assert found is not None
    record, token = found
    assert token is not None
    assert (record.state, record.generation, record.token) == ("fresh", 1, token.fingerprint)
    assert record.expires_at is not None
    assert 200 < record.expires_at - time.time() < 301
    saved = tomllib.loads(agent_home.paths.config_file.read_text())
    assert saved["default"] == "localhost"
    assert saved["profiles"]["localhost"]["client_id"] == agent_home.sandbox.client_id

    status = agent_home.status()
    assert status["store"] == str(agent_home.paths.store)
    assert {"pid", "host", "version", "started_at", "profiles", "lease"} <= set(status)
    facts = status["profiles"]["localhost"]
    assert set(facts) == {"state", "expires_at", "last_refresh_at", "next_attempt_at", "last_error"}
    assert (facts["state"], facts["expires_at"]) == ("fresh", record.expires_at)

    requests = agent_home.token_requests()
    again = run(agent_home, "start")
    assert (again.returncode, again.stdout) == (0, "")
    assert f"running (pid {agent_home.pid()})" in again.stderr
    assert agent_home.token_requests() == requests
    twin = run(agent_home, "run")
    assert twin.returncode == 6
    assert "running already" in twin.stderr


def test_the_daemon_keeps_to_itself(agent_home: AgentHome) -> None:
    agent_home.log_in()
    pid = agent_home.pid()
    login = agent_home.vault().load("localhost")
    assert login is not None
    assert login.subject
    for name, data in tree(agent_home.home).items():
        assert login.refresh_token.encode() not in (data or b""), name
    token = agent_home.store.token_file("localhost").read_text()
    assert token not in agent_home.log()
    assert fingerprint(login.refresh_token) != fingerprint(token)
    assert os.getsid(pid) == pid
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):  # not dumpable: none but root looks into it
            Path(f"/proc/{pid}/environ").read_bytes()
        return
    for name in ("cmdline", "environ"):
        shown = Path(f"/proc/{pid}/{name}").read_bytes()
        assert login.refresh_token.encode() not in shown
        assert b"of-somebody-else" not in shown
        assert b"of-no-interest" not in shown
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert any(line.split()[-3:-1] == ["0", "0"] for line in limits.splitlines() if line.startswith("Max core"))
    allowed = ("/dev/null", "pipe:", "socket:", str(agent_home.home), "anon_inode:")
    assert all(name.startswith(allowed) for name in open_files(pid))
    for path in agent_home.home.rglob("*"):
        assert path.lstat().st_mode & 0o077 == 0, path

    assert agent_home.ask(Request("stop")) == {"v": 1, "ok": True, "pid": pid}
    eventually(lambda: not agent_home.runs())
    assert not agent_home.paths.agent_socket.exists()
    assert "agent stopped" in agent_home.log()


def test_tokens_are_renewed_ahead_and_a_killed_agent_loses_nothing(busy_home: AgentHome) -> None:
    busy_home.log_in()
    eventually(lambda: busy_home.generation() >= 2)
    found = busy_home.store.read("localhost")
    assert found is not None
    assert found[1] is not None
    assert found[1].ttl_s(time.time()) > 1
    os.kill(busy_home.pid(), signal.SIGKILL)
    eventually(lambda: not busy_home.runs())
    assert busy_home.paths.agent_socket.exists()
    before = busy_home.generation()
    again = run(busy_home, "start")
    assert again.returncode == 0, again.stderr
    assert "code" not in again.stderr
    assert busy_home.generation() > before
    assert busy_home.status()["pid"] == busy_home.pid()


def test_an_outage_and_a_lost_reply_pass(tmp_path: Path, make_home: Callable[[Sandbox], AgentHome]) -> None:
    with Sandbox.start(tmp_path / "sandbox", Options(access_token_lifetime_s=5, refresh_grace_s=60)) as sandbox:
        home = make_home(sandbox)
        home.log_in()
        sandbox.fault("issuer", Fault("drop_after", path_part="/token"))
        sandbox.fault("issuer", Fault("status", path_part="/token", status=503))
        eventually(lambda: home.facts()["state"] == "backoff")
        assert home.facts()["last_error"]
        eventually(lambda: home.generation() >= 2)
        eventually(lambda: home.facts()["state"] == "fresh")
        assert home.facts()["last_error"] is None
        assert "503" in home.log()


def test_a_refused_login_is_said_and_mended_by_a_new_one(busy_home: AgentHome) -> None:
    busy_home.log_in()
    # INDIGO IAM's words, with the refresh token in them
    login = busy_home.vault().load("localhost")
    assert login is not None
    body = f'{{"error": "invalid_token", "error_description": "Invalid refresh token: {login.refresh_token}"}}'
    busy_home.sandbox.fault("issuer", Fault("status", path_part="/token", status=401, body=body))
    eventually(lambda: busy_home.facts()["state"] == "login_required")
    record = busy_home.store.record("localhost")
    assert record is not None
    assert record.state == "login_required"
    for text in (record.reason or "", busy_home.log(), str(busy_home.facts())):
        assert login.refresh_token not in text
    assert "invalid_token" in (record.reason or "")
    pid = busy_home.pid()
    again = busy_home.start()
    assert again.exit_code == 0, again.stderr
    assert "code" in again.stderr
    assert busy_home.pid() == pid
    assert busy_home.facts()["state"] == "fresh"


def test_a_denied_login_changes_nothing(agent_home: AgentHome) -> None:
    done = agent_home.start(*agent_home.arguments(), deny=True)
    assert done.exit_code == 4
    assert "ctaclient: the login was denied" in done.stderr
    assert "  try: " in done.stderr
    assert not agent_home.has_login()
    agent_home.log_in()
    before = tree(agent_home.paths.store) | tree(agent_home.paths.config)
    other = agent_home.start("--scope", "openid offline_access storage.read:/", deny=True)
    assert other.exit_code == 4
    assert tree(agent_home.paths.store) | tree(agent_home.paths.config) == before
    assert agent_home.facts()["state"] == "fresh"


def test_an_interrupted_login_changes_nothing(agent_home: AgentHome) -> None:
    command = [sys.executable, "-m", "ctaclient_agent", "start", *agent_home.arguments()]
    with subprocess.Popen(command, env=agent_home.environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Waiting"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest == "ctaclient: interrupted\n"
    assert not agent_home.has_login()


def test_a_confidential_client(agent_home: AgentHome) -> None:
    sandbox = agent_home.sandbox
    arguments = agent_home.arguments(sandbox.confidential_client_id)
    without = run(agent_home, "start", *arguments)
    assert without.returncode == 4
    assert "--client-secret-file" in without.stderr
    done = agent_home.start(*arguments, "--client-secret-file", str(sandbox.client_secret_file))
    assert done.exit_code == 0, done.stderr
    secret = sandbox.client_secret_file.read_text().strip()
    for name, data in tree(agent_home.home).items():
        assert secret.encode() not in (data or b""), name
    agent_home.end()
    again = run(agent_home, "start")  # with the sealed secret
    assert again.returncode == 0, again.stderr
    assert agent_home.generation() == 2


def test_without_a_refresh_token_there_is_no_login(agent_home: AgentHome) -> None:
    done = agent_home.start(*agent_home.arguments(), "--scope", "openid")
    assert done.exit_code == 4
    assert '--scope "openid offline_access"' in done.stderr
    assert not agent_home.has_login()


def test_a_damaged_login_is_replaced_by_a_new_one(agent_home: AgentHome) -> None:
    agent_home.log_in()
    agent_home.end()
    agent_home.vault().sealed_file("localhost").write_bytes(b"damaged")
    denied = agent_home.start(deny=True)
    assert denied.exit_code == 4
    assert "is damaged" in denied.stderr
    assert agent_home.vault().sealed_file("localhost").read_bytes() == b"damaged"
    assert agent_home.start().exit_code == 0
    assert agent_home.facts()["state"] == "fresh"


def test_a_lost_network(agent_home: AgentHome) -> None:
    agent_home.log_in()
    agent_home.end()
    agent_home.environ |= {"HTTPS_PROXY": "http://127.0.0.1:9"}
    done = run(agent_home, "start")
    assert done.returncode == 0
    assert "ctaclient: cannot connect" in done.stderr
    assert "; the agent keeps trying\n" in done.stderr
    assert agent_home.runs()
    agent_home.end()

    record = agent_home.store.record("localhost")
    assert record is not None
    agent_home.store.publish(replace(record, issued_at=record.issued_at - 900, expires_at=record.issued_at - 600), None)
    done = run(agent_home, "start")
    assert done.returncode == 7
    assert done.stderr.endswith("; the agent keeps trying\n  try: ctaclient agent status\n")
    assert agent_home.runs()


def test_a_daemon_that_cannot_start_says_why(agent_home: AgentHome) -> None:
    agent_home.log_in()
    agent_home.end()
    agent_home.paths.agent_log.chmod(0o644)
    done = run(agent_home, "start")
    assert done.returncode == 4
    assert done.stderr.splitlines() == [
        f"ctaclient: {agent_home.paths.agent_log} is open to others (mode 0644)",
        f"  try: chmod 600 {agent_home.paths.agent_log}",
    ]
    assert not agent_home.runs()


def test_the_secret_is_asked_for_on_the_terminal(
    agent_home: AgentHome, make_terminal: Callable[[str], Terminal]
) -> None:
    sandbox = agent_home.sandbox
    secret = sandbox.client_secret_file.read_text().strip()
    arguments = agent_home.arguments(sandbox.confidential_client_id)
    done = agent_home.start(*arguments, terminal=make_terminal(secret))
    assert done.exit_code == 0, done.stderr
    assert secret not in done.stderr
    login = agent_home.vault().load("localhost")
    assert login is not None
    assert login.client_secret == secret


def test_clients_can_ask_for_a_token(agent_home: AgentHome) -> None:
    agent_home.log_in()
    ask = Request("refresh", "localhost")
    soon = agent_home.ask(ask)
    assert soon["refreshed"] is False  # the login was a moment ago
    assert agent_home.generation() == 1
    with pytest.raises(LoginRequired, match="no login"):
        agent_home.ask(Request("refresh", "nobody"))
    agent_home.store.record_file("localhost").unlink()  # the token's end is no longer known
    os.kill(agent_home.pid(), signal.SIGTERM)
    eventually(lambda: not agent_home.runs())
    assert run(agent_home, "start").returncode == 0
    assert agent_home.store.record("localhost") is not None


def test_a_refresh_under_way_is_finished_before_the_end(busy_home: AgentHome) -> None:
    busy_home.log_in()
    busy_home.sandbox.fault("issuer", Fault("delay", path_part="/token", seconds=2))
    eventually(lambda: busy_home.facts()["state"] == "refreshing")
    begun = time.monotonic()
    assert busy_home.status()["pid"] == busy_home.pid()
    assert time.monotonic() - begun < 1  # the socket answers meanwhile
    os.kill(busy_home.pid(), signal.SIGTERM)
    eventually(lambda: not busy_home.runs())
    assert busy_home.generation() == 2
    assert run(busy_home, "start").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["start", "--storage-url", "http://s", "--issuer", "https://i", "--client-id", "c"],
            "--storage-url must be https",
        ),
        (["start", "--storage-url", "https://s", "--client-id", "c"], "add --issuer"),
        (["start", "--profile", "nobody"], "no profile 'nobody'"),
        (["start", "--client-secret", "x"], "unrecognized"),
        (["bogus"], "invalid choice"),
        ([], "required"),
    ],
)
def test_usage(agent_home: AgentHome, arguments: list[str], said: str) -> None:
    done = run(agent_home, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr, done.stderr
    assert done.stderr.startswith("ctaclient: ")
    assert len(done.stderr.splitlines()) <= 2
    assert not agent_home.home.exists()
