"""Whether a sealed login is kept fresh: by the agent here, by one on another machine, or by one refresh of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctaclient.control.client import TIMEOUT_S, ask_here
from ctaclient.control.messages import Request
from ctaclient.errors import AgentError, NetworkError, ServerError
from ctaclient_agent.issuer.discovery import Discovery, same_issuer
from ctaclient_agent.issuer.http import HttpxHttp
from ctaclient_agent.issuer.send_limit import SendLimit
from ctaclient_agent.logins.spending import alone, spending_of
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.lease import Lease, Terms
from ctaclient_agent.refreshing.refresh import Passing, Refresher, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ctaclient._util.clock import Clock
    from ctaclient.config.paths import Paths
    from ctaclient.errors import CtaError
    from ctaclient.tokens.record import Record
    from ctaclient_agent.login.target import Target
    from ctaclient_agent.logins.credentials import Login
    from ctaclient_agent.logins.vault import Vault
    from ctaclient_agent.machines.holder import Holder

# Longer than the agent lets anybody wait.
_REFRESH_TIMEOUT_S = 45.0


def agent_here(paths: Paths) -> dict[str, Any] | None:
    """The status of this machine's agent, or None. Raises AgentError when it serves another store."""
    status = ask_here(paths.agent_socket, paths.store, Request("status"))
    if status is not None and status.get("store") != str(paths.store):
        raise AgentError(
            f"the agent at {paths.agent_socket} (pid {status.get('pid')}) serves another store",
            hint="set CTACLIENT_HOME, or stop it: ctaclient stop-agent",
        )
    return status


def agent_elsewhere(store: Path, clock: Clock) -> Holder | None:
    """The agent of another machine that refreshes the logins of `store` at present, or None."""
    if not (store / "lease").is_dir():
        return None
    me = this_process(clock.now())
    held = Lease(store / "lease", me, clock, Terms().lease_s).look()
    if held is None or held.free or held.holder is None or held.holder.is_neighbour_of(me):
        return None
    return held.holder


def refreshed(vault: Vault, login: Login, clock: Clock, warn: Callable[[str], None]) -> bool:
    """Try the sealed login once. False when the issuer ended it; network trouble is raised."""
    outcome = Refresher(vault, Discovery(), HttpxHttp, spending_of(vault, clock), clock).refresh(login.profile)
    if isinstance(outcome, Refused):
        warn(f"{outcome.reason}; logging in anew")
        return False
    if isinstance(outcome, Passing):
        if _is_refusal(outcome.error):
            warn(f"{outcome.reason}; logging in anew")
            return False
        raise outcome.error or NetworkError(outcome.reason, hint="ctaclient start-agent")
    return True


def kept_here(paths: Paths, profile: str, now: float) -> bool:
    """Whether the running agent keeps the login fresh. Raises NetworkError when it tries in vain."""
    facts = _told(paths, Request("reload"))["profiles"].get(profile)
    if facts and facts["state"] != "login_required" and not _lives(facts, now):
        facts = _told(paths, Request("refresh", profile), timeout_s=_REFRESH_TIMEOUT_S)
    if facts is None or facts["state"] == "login_required":
        return False
    if not _lives(facts, now):
        raise NetworkError(
            f"the agent (see ctaclient agent status) gets no token: {facts['last_error']}", hint="try again later"
        )
    return True


def kept_elsewhere(record: Record | None, holder: Holder, now: float) -> bool:
    """Whether the agent of another machine keeps the login of `record` fresh. Raises NetworkError when it does not."""
    if record is None or record.state == "login_required":
        return False
    if record.expires_at is not None and record.expires_at <= now:
        raise NetworkError(
            f"the token has expired, and the agent ({holder}) has got no new one",
            hint=f"ctaclient agent status on {holder.host}, or stop-agent there",
        )
    return True


def record_serves(record: Record | None, target: Target) -> bool:
    """Whether a login that we cannot open is the wanted one, as far as its record tells."""
    return (
        record is not None
        and same_issuer(record.issuer, target.issuer)
        and target.client_id in (None, record.client_id)
        and record.storage_url == target.storage_url
    )


def adopt_ca_bundle(vault: Vault, target: Target, login: Login, clock: Clock) -> None:
    """A corrected CA bundle needs no new login."""
    if target.ca_bundle is None or target.ca_bundle == login.ca_bundle:
        return
    with vault.lock(target.name), alone(vault, target.name, clock) as spending:
        if spending is not None:
            vault.seal_again(target.name, SendLimit(spending.left_s() / 2, clock), ca_bundle=target.ca_bundle)


def _is_refusal(error: CtaError | None) -> bool:
    """Whether the issuer said no in other words than those that end a login: here is somebody who can log in anew."""
    status = error.status if isinstance(error, ServerError) else None
    return status is not None and 400 <= status < 500 and status not in (408, 425, 429)


def _lives(facts: Mapping[str, Any], now: float) -> bool:
    return facts["expires_at"] is not None and facts["expires_at"] > now


def _told(paths: Paths, request: Request, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    answer = ask_here(paths.agent_socket, paths.store, request, timeout_s=timeout_s)
    if answer is None:
        raise AgentError("the agent ended while it was asked", hint="ctaclient start-agent")
    return answer
