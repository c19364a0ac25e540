"""`ctaclient agent status`."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Any

import click

from ctaclient._util.redact import printable
from ctaclient.cli.options import as_json, debuggable
from ctaclient.cli.output import write_json
from ctaclient.config.paths import Paths
from ctaclient.control.client import ask
from ctaclient.control.messages import Request
from ctaclient.tokens.store import TokenStore

# The LSB's habit for `status`, and this program's code for "login needed".
RUNNING, NOT_RUNNING, LOGIN_NEEDED = 0, 3, 4


@click.group("agent")
def command() -> None:
    """The token agent."""


@command.command("status")
@as_json
@debuggable
def status(as_json: bool) -> int:
    """Show whether the agent runs and how its logins are.

    Exit code: 0 running and healthy, 3 not running, 4 login needed.
    """
    paths = Paths.of(os.environ)
    answer = ask(paths.agent_socket, Request("status"))
    running = answer is not None
    profiles: dict[str, dict[str, Any]] = dict(answer["profiles"]) if answer else _stored(TokenStore(paths.store))
    if as_json:
        facts = {key: answer.get(key) for key in ("pid", "host", "version", "started_at")} if answer else {}
        write_json({"running": running, **facts, "profiles": profiles})
    else:
        click.echo(f"agent: running, pid {answer['pid']} on {answer['host']}" if answer else "agent: not running")
        for name, facts in sorted(profiles.items()):
            click.echo(_line(name, facts))
    if not running:
        return NOT_RUNNING
    ended = [name for name, facts in sorted(profiles.items()) if facts.get("state") == "login_required"]
    for name in ended:
        click.echo(f"  try: ctaclient start-agent --profile {name}", err=True)
    return LOGIN_NEEDED if ended or not profiles else RUNNING


def _stored(store: TokenStore) -> dict[str, dict[str, Any]]:
    """What the store says when no agent does."""
    found = {}
    for name in store.profiles():
        record = store.record(name)
        if record:
            found[name] = {"state": record.state, "expires_at": record.expires_at, "last_error": record.reason}
    return found


def _line(name: str, facts: dict[str, Any]) -> str:
    state, end = str(facts.get("state")).replace("_", " "), facts.get("expires_at")
    expired = end is not None and end <= time.time()
    parts = [f"profile {name}: {'expired' if expired and state == 'fresh' else state}"]
    if end:
        parts.append(f"token {'expired' if expired else 'until'} {_moment(end)}")
    if upcoming := facts.get("next_attempt_at"):
        parts.append(f"next refresh {_moment(upcoming)}")
    if error := facts.get("last_error"):
        parts.append(f"last error: {printable(str(error))}")
    return ", ".join(parts)


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):  # a time that no calendar has
        return f"{seconds:g} s after 1970"
