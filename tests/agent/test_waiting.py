"""While a login waits for its user: other programs can see it, nobody asks twice, and it leaves no trace."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ctaclient.tokens.pending import read_pending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.agent_home import AgentHome


@contextlib.contextmanager
def waiting(
    home: AgentHome,
    *arguments: str,
    environ: dict[str, str] | None = None,
    before: tuple[str, ...] = (),
    program: tuple[str, ...] = ("-m", "ctaclient_agent", "start"),
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A `start` that has asked for approval, and what it said up to then; `before` is what runs it."""
    process = subprocess.Popen(
        [*before, sys.executable, "-P", *program, *home.arguments(), *arguments],
        env={**home.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("Waiting"):
                break
        try:
            yield process, said
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("arguments", "environ"), [((), {}), (("--flow", "code"), {"DISPLAY": ":nowhere", "PATH": "/nonexistent"})]
)
def test_it_can_be_seen_and_ends_cleanly_with_ctrl_c(
    agent_home: AgentHome, arguments: tuple[str, ...], environ: dict[str, str]
) -> None:
    directory = agent_home.store.profile_dir("localhost")
    with waiting(agent_home, *arguments, environ=environ) as (process, said):
        pending = read_pending(directory, time.time())
        assert pending is not None, said
        assert pending.pid == process.pid
        assert pending.verification_uri in said
        assert "?" not in pending.verification_uri
        assert time.time() < pending.expires_at < time.time() + 601
        text = (directory / "pending.json").read_text()
        assert "user_code" not in text
        assert "state" not in text

        status = agent_home.run("agent", "status", "--json")
        shown = json.loads(status.stdout)["profiles"]["localhost"]
        assert (shown["state"], shown["verification_uri"]) == ("waiting_for_user", pending.verification_uri)
        assert status.returncode == 3
        assert f"approve at {pending.verification_uri}" in agent_home.run("agent", "status").stdout

        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "ctaclient: interrupted\n"
    assert not agent_home.has_login()


def test_a_second_start_shows_the_same_address_and_asks_nobody(agent_home: AgentHome) -> None:
    before = codes(agent_home)
    with waiting(agent_home) as (process, said):
        second = agent_home.start(*agent_home.arguments())
        assert second.exit_code == 4
        pending = read_pending(agent_home.store.profile_dir("localhost"), time.time())
        assert pending is not None
        assert f"waits for approval already (pid {process.pid} on {pending.host}), at https://" in second.stderr
        assert pending.verification_uri in said
        assert pending.verification_uri in second.stderr
        assert codes(agent_home) == before + 1
    done = agent_home.log_in()  # the first was killed: it is in nobody's way
    assert "enter the code" in done.stderr
    assert not (agent_home.store.profile_dir("localhost") / "pending.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("arguments", [(), ("--foreground",)])
def test_a_signal_ends_it_cleanly(agent_home: AgentHome, number: signal.Signals, arguments: tuple[str, ...]) -> None:
    with waiting(agent_home, *arguments) as (process, _):
        process.send_signal(number)
        assert process.wait(20) == 143
        assert process.stderr is not None
        assert process.stderr.read() == "ctaclient: terminated\n"
    assert not agent_home.has_login()
    assert not (agent_home.store.profile_dir("localhost") / "pending.json").exists()


def test_a_hangup_is_ignored_where_that_was_wanted(agent_home: AgentHome) -> None:
    nohup = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    with waiting(agent_home, before=(sys.executable, "-c", nohup)) as (process, _):
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        assert process.stderr is not None
        assert process.stderr.read() == "ctaclient: terminated\n"


def test_the_client_ends_when_what_it_began_has_been_undone(agent_home: AgentHome) -> None:
    program = ("-m", "ctaclient", "start-agent")
    with waiting(agent_home, program=program) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        assert not (agent_home.store.profile_dir("localhost") / "pending.json").exists()
        assert process.stderr is not None
        assert process.stderr.read() == "ctaclient: terminated\n"


def test_a_program_that_was_killed_is_told(agent_home: AgentHome) -> None:
    with waiting(agent_home, program=("-m", "ctaclient", "start-agent")) as (process, _):
        pending = read_pending(agent_home.store.profile_dir("localhost"), time.time())
        assert pending is not None
        assert pending.pid != process.pid
        os.kill(pending.pid, signal.SIGKILL)
        assert process.wait(20) == 137
        assert process.stderr is not None
        assert process.stderr.read() == "ctaclient: the agent's program was ended by SIGKILL\n"


def codes(home: AgentHome) -> int:
    return sum(record.path == "/device_authorization" for record in home.sandbox.records("issuer"))


def test_a_login_of_another_machine_counts_too(agent_home: AgentHome) -> None:
    with waiting(agent_home) as (process, _):
        file = agent_home.store.profile_dir("localhost") / "pending.json"
        text = file.read_text()
        pending = read_pending(file.parent, time.time())
        assert pending is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    file.write_text(text.replace(f'"{pending.host}"', '"elsewhere.example"'))
    second = agent_home.start(*agent_home.arguments())
    assert second.exit_code == 4
    assert "on elsewhere.example), at https://" in second.stderr
    assert "ctaclient start-agent --new-login --profile localhost\n" in second.stderr
    anew = agent_home.start(*agent_home.arguments(), "--new-login")
    assert anew.exit_code == 0, anew.stderr


def test_an_agent_shows_that_it_is_waited_for(agent_home: AgentHome) -> None:
    agent_home.log_in()
    other = [*agent_home.arguments(), "--profile", "other"]
    with waiting(agent_home, *other):
        assert agent_home.status()["profiles"]["other"]["state"] == "waiting_for_user"
        assert agent_home.facts()["state"] == "fresh"
        assert agent_home.run("agent", "status").returncode == 4
    assert list(agent_home.status()["profiles"]) == ["localhost"]
