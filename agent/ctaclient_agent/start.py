"""`start`: be logged in, and have an agent that keeps it so. Says what is, does only what is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ctaclient.config.file import load, save_profile
from ctaclient.config.paths import Paths
from ctaclient.control.client import TIMEOUT_S, ask
from ctaclient.control.messages import Request
from ctaclient.errors import AgentError, LoginRequired, NetworkError, ServerError
from ctaclient_agent.answers import CLIENT_REFUSED
from ctaclient_agent.device import Refused as LoginRefused
from ctaclient_agent.discovery import Discovery, same_issuer
from ctaclient_agent.http import HttpxHttp
from ctaclient_agent.refresh import Passing, Refresher, Refused
from ctaclient_agent.secret import OPTION_HINT, find_secret, prompt_secret
from ctaclient_agent.spawn import start_daemon
from ctaclient_agent.target import resolve_target
from ctaclient_agent.terminal import local_time
from ctaclient_agent.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ctaclient._util.clock import Clock
    from ctaclient.config.profiles import Profile
    from ctaclient.config.settings import Arguments
    from ctaclient.errors import CtaError
    from ctaclient_agent.credentials import Login
    from ctaclient_agent.target import Target
    from ctaclient_agent.terminal import Terminal

# Longer than the agent lets anybody wait.
_REFRESH_TIMEOUT_S = 45.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where `start` runs. `learn` is told every secret, so that what is shown can hide it."""

    environ: Mapping[str, str]
    terminal: Terminal
    ask_secret: Callable[[str], str | None]
    has_terminal: Callable[[], bool]
    clock: Clock
    learn: Callable[[str], None]
    debug: bool = False


def start(given: Arguments, secret_file: Path | None, around: Surroundings) -> None:
    """Log in if needed, start the agent if none runs. Raises CtaError kin; then earlier logins are as they were."""
    paths = Paths.of(around.environ)
    config = load(paths.config_file)
    target = resolve_target(given, around.environ, config)
    vault = Vault(paths, learn=around.learn)
    vault.check(target.name)
    sealed = _sealed_login(vault, target, around.terminal)
    login = sealed if sealed and _serves(sealed, target) else None
    running = _running_agent(paths)
    if login is None:
        kept = False
    elif running:
        kept = _kept_by_agent(paths, vault, target, login, around.clock.now())
    else:
        kept = _refresh(vault, target, login, around)
    if not kept:
        vault.prepare()  # nobody approves a login that cannot be stored
        _log_in(vault, target, sealed, secret_file, around)
    if target.to_save is not None:
        save_profile(paths.config_file, _as_stored(vault, target.to_save), make_default=True)
    # An agent that keeps the login needs no word; one that has ended meanwhile gives no answer.
    if running and (kept or ask(paths.agent_socket, Request("reload")) is not None):
        who = f"pid {running['pid']}"
    else:
        who = start_daemon(around.environ, paths.agent_log, debug=around.debug)["holder"]
    record = vault.store.record(target.name)
    until = f" until {local_time(record.expires_at)}" if record and record.expires_at else ""
    around.terminal.say(f"the agent is running ({who}), logged in to {target.name}{until}; it renews the token itself")


def _sealed_login(vault: Vault, target: Target, terminal: Terminal) -> Login | None:
    """The sealed login, of whatever client; one that cannot be opened is reported and will be replaced."""
    try:
        return vault.load(target.name)
    except LoginRequired as error:
        terminal.warn(error.message)
        return None


def _serves(login: Login, target: Target) -> bool:
    return (
        same_issuer(login.issuer, target.issuer)
        and login.client_id == target.client_id
        and login.storage_url == target.storage_url
        and set(login.scope_asked.split()) == set(target.scope.split())
    )


def _running_agent(paths: Paths) -> dict[str, Any] | None:
    status = ask(paths.agent_socket, Request("status"))
    if status is not None and status.get("store") != str(paths.store):
        raise AgentError(
            f"the agent at {paths.agent_socket} (pid {status.get('pid')}) serves another store",
            hint="set CTACLIENT_HOME, or stop it: ctaclient stop-agent",
        )
    return status


def _refresh(vault: Vault, target: Target, login: Login, around: Surroundings) -> bool:
    """Try the sealed login once. False when the issuer ended it; network trouble is raised."""
    _adopt_ca_bundle(vault, target, login)
    outcome = Refresher(vault, Discovery(), HttpxHttp, around.clock).refresh(target.name, known=login.generation)
    if isinstance(outcome, Refused):
        around.terminal.warn(f"{outcome.reason}; logging in anew")
        return False
    if isinstance(outcome, Passing):
        if _is_refusal(outcome.error):
            around.terminal.warn(f"{outcome.reason}; logging in anew")
            return False
        raise outcome.error or NetworkError(outcome.reason, hint="ctaclient start-agent tries again")
    return True


def _is_refusal(error: CtaError | None) -> bool:
    """Whether the issuer said no in other words than those that end a login: here is somebody who can log in anew."""
    status = error.status if isinstance(error, ServerError) else None
    return status is not None and 400 <= status < 500 and status not in (408, 425, 429)


def _kept_by_agent(paths: Paths, vault: Vault, target: Target, login: Login, now: float) -> bool:
    """Whether the running agent keeps this login fresh. Raises NetworkError when it tries in vain."""
    _adopt_ca_bundle(vault, target, login)
    profiles = _told(paths, Request("reload"))["profiles"]
    facts = profiles.get(target.name)
    if facts and facts["state"] != "login_required" and not _lives(facts, now):
        facts = _told(paths, Request("refresh", target.name), timeout_s=_REFRESH_TIMEOUT_S)
    if facts is None or facts["state"] == "login_required":
        return False
    if not _lives(facts, now):
        raise NetworkError(
            f"the agent (see ctaclient agent status) gets no token: {facts['last_error']}", hint="try again later"
        )
    return True


def _lives(facts: Mapping[str, Any], now: float) -> bool:
    return facts["expires_at"] is not None and facts["expires_at"] > now


def _told(paths: Paths, request: Request, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    answer = ask(paths.agent_socket, request, timeout_s=timeout_s)
    if answer is None:
        raise AgentError("the agent ended while it was asked", hint="ctaclient start-agent")
    return answer


def _adopt_ca_bundle(vault: Vault, target: Target, login: Login) -> None:
    """A corrected CA bundle needs no new login."""
    if target.ca_bundle is None or target.ca_bundle == login.ca_bundle:
        return
    with vault.lock(target.name):
        current = vault.load(target.name)
        if current is not None:
            vault.change_ca_bundle(current, target.ca_bundle)


def _log_in(vault: Vault, target: Target, sealed: Login | None, secret_file: Path | None, around: Surroundings) -> None:
    # Only a login pays for these imports; the daemon and a second start do without.
    from ctaclient_agent.login import log_in

    known = (
        sealed
        if sealed and same_issuer(sealed.issuer, target.issuer) and sealed.client_id == target.client_id
        else None
    )
    secret = find_secret(target, secret_file, known, around.ask_secret)
    terminal = around.terminal
    with HttpxHttp(target.ca_bundle) as http:

        def attempt(client_secret: str | None) -> None:
            login, tokens, received_at = log_in(
                target,
                client_secret,
                http,
                around.clock,
                lambda prompt: terminal.show(prompt, target.name, target.issuer),
            )
            with vault.lock(target.name):
                vault.save(login, tokens, received_at)

        try:
            attempt(secret)
        except LoginRefused as error:
            if error.code not in CLIENT_REFUSED:
                raise
            if secret_file is None and around.has_terminal():
                terminal.warn(error.message)
                if (typed := prompt_secret(target, around.ask_secret)) is not None:
                    attempt(typed)
                    return
            hint = f"check --client-id; a confidential client needs {OPTION_HINT}"
            raise LoginRefused(error.message, hint=hint, status=error.status, code=error.code) from None


def _as_stored(vault: Vault, profile: Profile) -> Profile:
    """The profile to save, with the issuer in the provider's own spelling."""
    login = vault.load(profile.name)
    return replace(profile, issuer=login.issuer) if login and profile.issuer else profile
