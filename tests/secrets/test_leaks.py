"""No secret leaves its place: not in arguments, environments, outputs, logs, errors, records; not with `--debug`."""

from __future__ import annotations

import re
import subprocess
import sys
from socket import gethostname
from typing import TYPE_CHECKING

import pytest

from ctaclient.sandbox import Fault
from tests.secrets.watcher import ProcWatcher

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.agent_home import AgentHome

# Where secrets belong: opened by the agent only, or read by the user's programs by intention.
THEIR_PLACES = {"token", "login.sealed", "machine.key"}


class Commands:
    """Runs commands with `--debug`, keeps what they print, and learns the secrets that come up on the way."""

    def __init__(self, home: AgentHome, place: Path) -> None:
        self._home = home
        self._place = place
        self.printed = b""
        self.secrets: set[str] = {home.sandbox.client_secret_file.read_text().strip()}

    def run(self, *arguments: str, expect: int = 0, shows_token: bool = False, **environ: str) -> None:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ctaclient", *arguments],
            env={**self._home.environ, **environ},
            cwd=self._place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        assert done.returncode == expect, (arguments, done.returncode, done.stderr)
        self.printed += done.stderr if shows_token else done.stdout + done.stderr
        self.learn()

    def learn(self) -> None:
        login = self._home.vault().load(self._home.profile)
        found = self._home.store.read(self._home.profile)
        if login and found and found[1]:
            self.secrets |= {login.refresh_token, found[1].value}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    (place / "tree" / "below").mkdir(parents=True)
    (place / "tree" / "below" / "file").write_bytes(bytes(300_000))
    (place / "other").write_text("something else")
    return place


def run_everything(home: AgentHome, commands: Commands) -> None:
    """Every command, and the failures in which secrets are most likely to be told."""
    sandbox = home.sandbox
    commands.run("config", "show")
    commands.run("agent", "status")
    commands.run("agent", "status", "--json")
    commands.run("mkdir", "-p", "/secrets", "--debug")
    commands.run("put", "-r", "tree", "/secrets/", "--debug", "-v")
    commands.run("put", "-r", "tree", "/secrets/", "--debug", "--json")
    commands.run("put", "other", "/secrets/tree/below/file", "--debug", expect=6)
    commands.run("ls", "-l", "/secrets", "--debug")
    commands.run("ls", "-R", "--json", "/secrets", "--debug")
    commands.run("stat", "/secrets/tree/below/file", "--debug")
    commands.run("get", "-r", "/secrets/tree", "back/", "--debug", "-v")
    commands.run("get", "/secrets/none", "--debug", expect=5)
    commands.run("token", "--debug", shows_token=True)
    commands.run("token", "--format", "json", "--min-ttl", "1h", "--debug", expect=4)
    for server, fault, code in (
        ("door", Fault("status", method="PROPFIND", status=500, reason="Internal error"), 7),
        ("door", Fault("status", method="PROPFIND", status=403, reason="Forbidden"), 4),
        ("door", Fault("status", method="PROPFIND", status=401, reason="Unauthorized", times=3), 4),
        ("pool", Fault("status", method="GET", status=400, reason="Stale id"), 1),
        ("pool", Fault("cut_response", method="GET", after_bytes=1000), 7),
        ("pool", Fault("corrupt", method="GET"), 8),
        ("door", Fault("location", method="GET", location="http://localhost:1/x?dcache-http-uuid=deadbeefdeadbeef"), 7),
    ):
        sandbox.fault(server, fault)
        commands.run("get", "/secrets/tree/below/file", "again", "--debug", expect=code)
        sandbox.clear_faults()
    commands.run("ls", "/secrets", "--debug", expect=4, CTACLIENT_STORAGE_URL=sandbox.pool_url)
    commands.run("ls", "/secrets", "--debug", expect=4, BEARER_TOKEN="not a token at all\n")
    commands.run("rm", "-r", "--yes", "/secrets", "--debug")
    commands.run("stop-agent")


def log_in(home: AgentHome, commands: Commands) -> None:
    done = home.start(
        *home.arguments(home.sandbox.confidential_client_id),
        *("--client-secret-file", str(home.sandbox.client_secret_file), "--debug"),
        program="client",
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    commands.printed += done.stderr.encode()
    commands.learn()


def log_in_where_the_issuer_echoes(home: AgentHome, commands: Commands) -> None:
    """INDIGO IAM repeats the refresh token in its refusal (agent.md 0.6); then the user logs in anew."""
    login, found = home.vault().load(home.profile), home.store.read(home.profile)
    assert login is not None
    assert found is not None
    assert found[1] is not None
    # What this process knows: of what was spent before it started it knows nothing, and no issuer repeats that.
    said = f"Invalid refresh token: {login.refresh_token} {login.client_secret} {found[1].value}"
    body = f'{{"error": "invalid_token", "error_description": "{said}"}}'
    home.sandbox.fault("issuer", Fault("status", path_part="/token", status=401, reason="Unauthorized", body=body))
    before = len(commands.printed)
    log_in(home, commands)
    assert b"logging in anew" in commands.printed[before:], commands.printed[before:]


def test_no_secret_anywhere(agent_home: AgentHome, tree: Path) -> None:
    home = agent_home
    commands = Commands(home, tree)
    with ProcWatcher(str(home.home)) as watcher:
        log_in(home, commands)
        run_everything(home, commands)
        log_in_where_the_issuer_echoes(home, commands)

    secrets = [secret.encode() for secret in commands.secrets]
    assert len(secrets) >= 3

    for secret in secrets:
        assert secret not in commands.printed
        for command_line, environs in watcher.seen.items():
            assert secret not in command_line
            assert not any(secret in environ for environ in environs), command_line
    agents = [environ for line, each in watcher.seen.items() if b"ctaclient_agent" in line for environ in each]
    assert agents
    assert not any(home.strangers["BEARER_TOKEN"].encode() in environ for environ in agents)

    for path in files_that_others_may_see(home):
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path
    assert not re.search(rb"dcache-http-uuid=(?!\[hidden\])[^&\s]", commands.printed)


def test_no_secret_of_a_client_of_ones_own(agent_home: AgentHome, tree: Path) -> None:
    home = agent_home
    commands = Commands(home, tree)
    with ProcWatcher(str(home.home)) as watcher:
        sandbox = home.sandbox
        done = home.start("--issuer", sandbox.issuer_url, "--storage-url", sandbox.storage_url, "--debug")
        assert done.exit_code == 0, done.stderr
        commands.printed += done.stderr.encode()
        own, found = home.vault().load(home.profile), home.store.read(home.profile)
        assert own is not None
        assert own.registration_token is not None
        assert found is not None
        assert found[1] is not None
        commands.secrets = {own.registration_token, own.refresh_token, found[1].value}
        # Errors that repeat what they were sent.
        body = f'{{"error": "server_error", "error_description": "{" ".join(commands.secrets)}"}}'
        for path in ("/revoke", "/register"):
            sandbox.fault("issuer", Fault("status", path_part=path, status=500, body=body))
        commands.run("logout", "--debug", expect=7)
        commands.run("stop-agent")

    secrets = [secret.encode() for secret in commands.secrets]
    assert commands.printed.count(b"[hidden]") >= 2
    for secret in secrets:
        assert secret not in commands.printed
        assert not any(secret in line or any(secret in each for each in seen) for line, seen in watcher.seen.items())
        left = [path for path in home.home.rglob("*") if path.is_file()]
        assert not any(secret in path.read_bytes() for path in left)
        assert not any(secret in path.read_bytes() for path in sandbox.ca_file.parent.glob("*.records"))


def files_that_others_may_see(home: AgentHome) -> list[Path]:
    """Logs, records, configuration of both sides; not the places where secrets belong, nor the servers' own memory."""
    own = [path for path in home.home.rglob("*") if path.is_file() and path.name not in THEIR_PLACES]
    servers = [path for path in home.sandbox.ca_file.parent.iterdir() if path.suffix in (".log", ".records")]
    assert {path.name for path in own} >= {f"agent-{gethostname()}.log", "config.toml", "record.json"}
    assert len(servers) == 6
    return own + servers
