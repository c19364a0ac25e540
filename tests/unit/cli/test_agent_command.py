"""`ctaclient agent status`, `logs`, `errors` and `stop-agent` where no agent runs, or a played one does."""

from __future__ import annotations

import functools
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient import __version__
from ctaclient._util.clock import SystemClock
from ctaclient.cli.commands.agent.status import lines
from ctaclient.config.paths import Paths
from ctaclient.control.client import ask
from ctaclient.control.messages import Request, encode_answer
from ctaclient.tokens.error_file import ErrorFile
from ctaclient.tokens.error_list import sighted
from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken
from ctaclient_agent.daemon.listener import Listener
from tests.unit.cli.test_moments import NOON
from tests.unit.control.test_control_client import agent, replying
from tests.unit.tokens.conftest import a_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.cli.conftest import Outcome

    Cli = Callable[..., Outcome]

NOTHING = {
    "running": False,
    "installed_version": __version__,
    "outdated": False,
    "unread_errors": 0,
    "linked_profile": None,
    "trouble": None,
    "profiles": {},
}


def paths(home: Path) -> Paths:
    return Paths.of({"CTACLIENT_HOME": str(home)})


@pytest.fixture
def old_agent(home: Path) -> Iterator[dict[str, Any]]:
    """Something that answers as an agent of an older version; the facts that it tells may be changed."""
    facts: dict[str, Any] = {"version": "0.0.1", "pid": 7, "host": "h", "started_at": 0.0, "profiles": {}}
    listener = Listener(paths(home).agent_socket, lambda _: encode_answer(**facts), SystemClock())
    done = threading.Event()

    def serve() -> None:
        while not done.wait(0.01):
            listener.accept()

    thread = threading.Thread(target=serve)
    thread.start()
    yield facts
    done.set()
    thread.join()
    listener.close()


def test_nothing_runs(cli: Cli) -> None:
    outcome = cli("agent", "status")
    assert (outcome.code, outcome.out) == (3, "agent     not running\n          nobody is logged in\n")
    assert outcome.err == "  try: ctaclient start-agent\n"
    assert json.loads(cli("agent", "status", "--json").out) == NOTHING


def test_the_logins_are_shown_all_the_same(cli: Cli, home: Path) -> None:
    store = TokenStore(home / "store")
    store.publish(a_record(state="login_required", reason="revoked\x1b[2J"), AccessToken("token-1"))
    outcome = cli("agent", "status")
    assert outcome.code == 3
    assert outcome.out.splitlines()[1:3] == ["profile   site", "  state   login required"]
    assert outcome.out.splitlines()[3].startswith("  token   expired 2023-11-1")
    assert outcome.out.endswith("  error   revoked\\x1b[2J\n")
    assert "token-1" not in outcome.out


def test_times_that_no_calendar_has(cli: Cli, home: Path) -> None:
    TokenStore(home / "store").publish(a_record(expires_at=1e30, login_ends_at=-1e30), AccessToken("token-1"))
    assert cli("agent", "status").code == 3


def test_the_human_form() -> None:
    facts = {
        "running": True,
        "host": "node1",
        "pid": 123,
        "version": "1.0",
        "started_at": NOON - 7200,
        "installed_version": "1.1",
        "outdated": True,
        "unread_errors": 2,
        "profiles": {
            "site": {
                "state": "backoff",
                "expires_at": NOON + 200,
                "last_refresh_at": NOON - 400,
                "next_attempt_at": NOON + 12,
                "last_error": "HTTP 503",
                "login_ends_at": NOON + 30 * 86400,
            },
        },
        "lease": {"refreshes": False, "host": "node2", "pid": 5, "machine": "abc"},
    }
    assert list(lines(facts, NOON)) == [
        "agent     running on node1, pid 123, version 1.0, since 10:00",
        "          watches only: pid 5 on node2 refreshes the logins",
        "          installed is version 1.1; restart it: ctaclient stop-agent; ctaclient start-agent",
        "profile   site",
        "  state   backoff",
        "  token   good until 12:03 (in 3 min)",
        "  refresh last 11:53 (6 min ago), next 12:00 (in 12 s)",
        "  login   ends 2026-12-20 12:00 (in 30 days)",
        "  error   HTTP 503",
        "errors    2 unread: ctaclient agent errors --unread",
    ]


def test_an_older_agent_runs(cli: Cli, home: Path, old_agent: dict[str, Any]) -> None:
    TokenStore(home / "store").publish(a_record(login_ends_at=5.0), AccessToken("token-1"))
    old_agent["profiles"] = {"site": {"state": "fresh", "expires_at": None}}
    outcome = cli("agent", "status")
    assert outcome.code == 0
    assert f"installed is version {__version__}; restart it: ctaclient stop-agent; ctaclient start-agent" in outcome.out
    document = json.loads(cli("agent", "status", "--json").out)
    assert (document["outdated"], document["version"], document["running"]) == (True, "0.0.1", True)
    assert document["profiles"]["site"]["login_ends_at"] == 5.0
    old_agent["version"] = __version__
    assert "restart it" not in cli("agent", "status").out
    old_agent["profiles"] = {}
    assert cli("agent", "status").code == 4
    assert ask(paths(home).agent_socket, Request("status")) is not None


def test_an_agent_that_does_not_answer(cli: Cli, home: Path) -> None:
    TokenStore(home / "store").publish(a_record(), AccessToken("token-1"))
    paths(home).runtime.mkdir(mode=0o700)
    with agent(paths(home).agent_socket, replying()):
        outcome = cli("agent", "status")
    assert outcome.code == 7
    assert outcome.out.splitlines()[:2] == [
        "agent     does not answer: the agent ended while it was asked",
        "profile   site",
    ]
    assert outcome.err == "  try: ctaclient agent logs\n"


def test_stop_where_nothing_runs(cli: Cli) -> None:
    outcome = cli("stop-agent")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "no agent is running\n")


def test_errors(cli: Cli, home: Path) -> None:
    file = ErrorFile(home / "state")
    assert cli("agent", "errors", "--unread").err == "no unread errors\n"
    assert (cli("agent", "errors").out, cli("agent", "errors").err) == ("", "no errors\n")
    for profile, kind, message in (("site", "server", "HTTP 503"), ("site", "server", "HTTP 502"), (None, "x", "\x1b")):
        file.change(functools.partial(sighted, profile=profile, kind=kind, message=message, now=NOON))
    first, second = cli("agent", "errors").out.splitlines()
    assert first == "   1  2026-11-20 12:00  site  server  unread  HTTP 502 (2 times, last 2026-11-20 12:00)"
    assert second.endswith("-  x  unread  \\x1b")
    assert cli("agent", "status").out.endswith("errors    2 unread: ctaclient agent errors --unread\n")

    assert (cli("agent", "errors", "ack", "1", "1").out, cli("agent", "errors", "ack", "1").out) == ("1\n", "0\n")
    unread = [json.loads(line) for line in cli("agent", "errors", "--unread", "--json").out.splitlines()]
    assert [(each["id"], each["profile"], each["kind"], each["count"]) for each in unread] == [(2, None, "x", 1)]
    assert cli("agent", "errors", "ack", "--all").out == "1\n"
    assert cli("agent", "errors", "--unread").out == ""
    assert [line.split("  ")[5].strip() for line in cli("agent", "errors").out.splitlines()] == ["read", "read"]


@pytest.mark.parametrize(
    ("args", "code"), [([], 2), (["1", "--all"], 2), (["x"], 2), (["9"], 5)], ids=["none", "both", "word", "unknown"]
)
def test_what_cannot_be_acknowledged(cli: Cli, args: list[str], code: int) -> None:
    outcome = cli("agent", "errors", "ack", *args)
    assert (outcome.code, outcome.out) == (code, "")


def test_logs(cli: Cli, home: Path) -> None:
    nothing = cli("agent", "logs")
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err.startswith("there is no log yet")
    home.joinpath("state").mkdir(parents=True, mode=0o700)
    for suffix, text in {".1": "2026-01-01 00:00:00,000 INFO a: one\n", "": TRACEBACK}.items():
        file = Path(f"{paths(home).agent_log}{suffix}")
        file.touch(mode=0o600)
        file.write_text(text)
    assert len(cli("agent", "logs").out.splitlines()) == 6
    log = paths(home).agent_log
    log.rename(log.with_suffix(".moved"))
    log.symlink_to(log.with_suffix(".moved"))
    linked = cli("agent", "logs")
    assert (linked.code, linked.out) == (4, "")
    assert f"{log} is a symbolic link" in linked.err
    log.with_suffix(".moved").rename(log)
    last = cli("agent", "logs", "-n", "2")
    assert last.out.splitlines() == TRACEBACK.replace("\x1b", "\\x1b").splitlines()
    assert cli("agent", "logs", "-n", "0").out == ""
    assert cli("agent", "logs", "-n", "-1").code == 2


TRACEBACK = """\
2026-01-01 00:00:01,000 ERROR a: two
Traceback (most recent call last):
  File "x"
ValueError: \x1b[2J
2026-01-01 00:00:02,000 INFO a: three
"""
