"""`ctaclient agent status`."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click

from ctaclient import __version__
from ctaclient._util.clock import SystemClock
from ctaclient._util.redact import printable
from ctaclient.cli.moments import moment, upcoming
from ctaclient.cli.options import as_json, debuggable
from ctaclient.cli.output import write_json
from ctaclient.config.paths import Paths
from ctaclient.control.client import ask_here
from ctaclient.control.messages import Request
from ctaclient.errors import AgentError, CtaError, ProtocolError
from ctaclient.tokens.error_file import ErrorFile
from ctaclient.tokens.link import link_path, linked_profile
from ctaclient.tokens.pending import all_pending
from ctaclient.tokens.store import TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The LSB's habit for `status`, and this program's code for "login needed".
RUNNING, NOT_RUNNING, LOGIN_NEEDED = 0, 3, 4
_LESS = ("login_required", "waiting_for_user")  # without a login that works


@click.command("status")
@as_json
@debuggable
def status(as_json: bool) -> int:
    """Show whether the agent runs and how its logins are.

    Exit code: 0 running and healthy, 3 not running, 4 login needed, 7 running without an answer.
    """
    paths = Paths.of(os.environ)
    answer, trouble = None, None
    try:
        answer = ask_here(paths.agent_socket, paths.store, Request("status"))
    except (AgentError, ProtocolError) as error:
        trouble = error
    store, well_known = TokenStore(paths.store), link_path(os.environ)
    linked = linked_profile(well_known, store) if well_known else None
    now = SystemClock().now()
    facts = collect(answer, store, ErrorFile(paths.state), now)
    facts |= {"linked_profile": linked, "trouble": trouble.message if trouble else None}
    if as_json:
        write_json(facts)
    else:
        for line in lines(facts, now):
            click.echo(line)
        if linked:
            click.echo(f"link      {well_known} leads to profile {linked}")
    if trouble:
        click.echo("  try: ctaclient agent logs", err=True)
        return trouble.exit_code
    if not facts["running"] or not facts["profiles"]:
        click.echo("  try: ctaclient start-agent", err=True)
        return LOGIN_NEEDED if facts["running"] else NOT_RUNNING
    ended = [name for name, profile in facts["profiles"].items() if profile["state"] in _LESS]
    for name in (name for name in ended if not facts["profiles"][name]["verification_uri"]):
        click.echo(f"  try: ctaclient start-agent --profile {name}", err=True)
    return LOGIN_NEEDED if ended else RUNNING


def collect(answer: Mapping[str, Any] | None, store: TokenStore, errors: ErrorFile, now: float) -> dict[str, Any]:
    """All that is known, as `--json` prints it: from the agent's answer and, without one, from the store."""
    profiles = dict(answer["profiles"]) if answer else _stored(store, now)
    agent = {key: answer.get(key) for key in ("pid", "host", "version", "started_at", "lease")} if answer else {}
    asked_for = all_pending(store.directory, now)
    unread = None
    # An unusable file is reported by `agent errors`; it does not stand in the way here.
    with contextlib.suppress(CtaError, OSError):
        unread = sum(1 for error in errors.read().errors if not error.read)
    return {
        "running": answer is not None,
        **agent,
        "installed_version": __version__,
        "outdated": answer is not None and answer.get("version") != __version__,
        "unread_errors": unread,
        "profiles": {
            name: {
                **facts,
                "login_ends_at": _login_ends_at(store, name),
                "verification_uri": asked_for[name].verification_uri if name in asked_for else None,
            }
            for name, facts in sorted(profiles.items())
        },
    }


def lines(facts: Mapping[str, Any], now: float) -> Iterator[str]:
    """The same for people."""
    if facts["running"]:
        since = f", since {moment(facts['started_at'], now)}" if facts.get("started_at") else ""
        version = printable(str(facts["version"]), limit=40)
        yield f"agent     running on {printable(str(facts['host']))}, pid {facts['pid']}, version {version}{since}"
    elif trouble := facts.get("trouble"):
        yield f"agent     does not answer: {printable(trouble)}"
    else:
        yield "agent     not running"
    lease = facts.get("lease")
    if lease and not lease["refreshes"]:
        who = f"pid {lease['pid']} on {printable(str(lease['host']))}" if lease["host"] else "nobody yet"
        yield f"          watches only: {who} refreshes the logins"
    if facts["outdated"]:
        yield (
            f"          installed is version {facts['installed_version']}; "
            "restart it: ctaclient stop-agent; ctaclient start-agent"
        )
    if not facts["profiles"]:
        yield "          nobody is logged in"
    for name, profile in facts["profiles"].items():
        yield f"profile   {name}"
        yield from (f"  {label:8}{text}" for label, text in _profile(profile, now))
    if facts["unread_errors"]:
        yield f"errors    {facts['unread_errors']} unread: ctaclient agent errors --unread"


def _profile(facts: Mapping[str, Any], now: float) -> Iterator[tuple[str, str]]:
    ended, end = facts["state"] == "login_required", facts.get("expires_at")
    yield "state", printable(str(facts["state"]), limit=40).replace("_", " ")
    if uri := facts.get("verification_uri"):
        yield "approve", f"at {uri}"
    if end:
        yield "token", f"{'expired' if end <= now else 'good until'} {upcoming(end, now)}"
    last, planned = facts.get("last_refresh_at"), facts.get("next_attempt_at")
    refreshes = [f"last {upcoming(last, now)}"] if last else []
    refreshes += [f"next {upcoming(planned, now)}"] if planned else []
    if refreshes:
        yield "refresh", ", ".join(refreshes)
    login_end = facts.get("login_ends_at")
    if login_end and not ended:
        yield "login", f"ends {upcoming(login_end, now)}"
    if error := facts.get("last_error"):
        yield "error", printable(str(error))


def _stored(store: TokenStore, now: float) -> dict[str, dict[str, Any]]:
    """What the store says when no agent does."""
    found = {}
    for name in store.profiles():
        record = store.record(name)
        if record:
            found[name] = {
                "state": record.state,
                "expires_at": record.expires_at,
                "last_refresh_at": record.issued_at,
                "next_attempt_at": None,
                "last_error": record.reason,
            }
    for name in all_pending(store.directory, now):
        nothing = dict.fromkeys(("expires_at", "last_refresh_at", "next_attempt_at", "last_error"))
        if found.setdefault(name, {"state": "absent", **nothing})["state"] in ("absent", "login_required"):
            found[name]["state"] = "waiting_for_user"
    return found


def _login_ends_at(store: TokenStore, name: str) -> float | None:
    with contextlib.suppress(CtaError, OSError):
        record = store.record(name)
        return record.login_ends_at if record else None
    return None
