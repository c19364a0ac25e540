"""`start`: be logged in, and have an agent that keeps it so. Says what is, does only what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ctaclient._util.redact import printable
from ctaclient.config.file import load, save_profile
from ctaclient.config.paths import Paths
from ctaclient.control.client import ask_here
from ctaclient.control.messages import Request
from ctaclient.errors import ConflictError, LoginRequired, NetworkError
from ctaclient_agent import version
from ctaclient_agent.commands.foreground import become_agent
from ctaclient_agent.commands.kept import (
    adopt_ca_bundle,
    agent_elsewhere,
    agent_here,
    kept_elsewhere,
    kept_here,
    record_serves,
    refreshed,
)
from ctaclient_agent.commands.spawn import start_daemon
from ctaclient_agent.commands.systemd import UserManager
from ctaclient_agent.issuer.discovery import same_issuer
from ctaclient_agent.login.target import resolve_target
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.machines.place import machine_directory
from ctaclient_agent.process.moments import local_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ctaclient.config.profiles import Profile
    from ctaclient.config.settings import Arguments
    from ctaclient_agent.login.manner import Manner
    from ctaclient_agent.login.surroundings import Surroundings
    from ctaclient_agent.login.target import Target
    from ctaclient_agent.login.terminal import Terminal
    from ctaclient_agent.logins.credentials import Login
    from ctaclient_agent.machines.holder import Holder


def start(
    given: Arguments,
    secret_file: Path | None,
    manner: Manner,
    around: Surroundings,
    *,
    new_login: bool = False,
    foreground: bool = False,
) -> None:
    """Log in if needed (or with `new_login` in any case), start the agent if none runs.

    With `foreground` this process becomes the agent. Raises CtaError kin; then earlier logins are as they were.
    """
    paths = Paths.of(around.environ)
    config = load(paths.config_file)
    target = resolve_target(given, around.environ, config)
    machine = Machine(machine_directory(paths, around.environ), paths.store, around.protection)
    vault = Vault(paths.store, machine, learn=around.learn)
    vault.check(target.name)
    if around.protection.kind != "plain":
        machine.protect()
    running = agent_here(paths)
    _look_at_version(running, around.terminal)
    if foreground and running:
        raise ConflictError(f"an agent is running already (pid {running['pid']})", hint="ctaclient stop-agent")
    elsewhere = agent_elsewhere(paths.store, around.clock)
    sealed = _sealed_login(vault, target, elsewhere, around.terminal)
    trouble, kept = None, False
    try:
        kept = not new_login and _is_kept(paths, vault, target, sealed, running, elsewhere, around)
    except NetworkError as error:
        if running or elsewhere or not error.retryable:
            raise
        # The login stands: after a reboot in an outage the agent is what goes on trying, not the user.
        trouble, kept = error, True
    if not kept:
        # Only a login pays for these imports; the daemon and a second start do without.
        from ctaclient_agent.login.approval import approve_login, check_manner

        check_manner(vault, target, manner, around, new_login=new_login)
        vault.prepare()  # nobody approves a login that cannot be stored
        approve_login(vault, target, sealed, secret_file, manner, around)
    machine.make_key()
    if target.to_save is not None:
        save_profile(paths.config_file, _as_stored(vault, target.to_save), make_default=True)
        if config.default not in (None, target.name):
            around.terminal.say(f"profile {target.name} is the default now (before: {config.default})")
    # An agent that keeps the login needs no word; one that has ended meanwhile gives no answer.
    if running and (kept or ask_here(paths.agent_socket, paths.store, Request("reload")) is not None):
        who = f"pid {running['pid']}"
    elif foreground:
        become_agent(around.environ, machine.secret(), debug=around.debug)
    else:
        who = _begin(paths, machine, around)
    _report(vault, target, who, elsewhere, trouble, around)


def _is_kept(
    paths: Paths,
    vault: Vault,
    target: Target,
    sealed: Login | None,
    running: dict[str, Any] | None,
    elsewhere: Holder | None,
    around: Surroundings,
) -> bool:
    """Whether somebody keeps the wanted login fresh, if need be after one refresh of our own."""
    now = around.clock.now()
    if sealed is None and elsewhere is not None:
        record = vault.store.record(target.name)
        return record_serves(record, target) and kept_elsewhere(record, elsewhere, now)
    if sealed is None or not _serves(sealed, target):
        return False
    adopt_ca_bundle(vault, target, sealed, around.clock)
    if elsewhere is not None:
        return kept_elsewhere(vault.store.record(target.name), elsewhere, now)
    if running:
        return kept_here(paths, target.name, now)
    return refreshed(vault, sealed, around.clock, around.terminal.warn)


def _report(
    vault: Vault,
    target: Target,
    who: str,
    elsewhere: Holder | None,
    trouble: NetworkError | None,
    around: Surroundings,
) -> None:
    """Say how it stands. Raises `trouble` where it leaves the user without a token."""
    record, now = vault.store.record(target.name), around.clock.now()
    end = record.expires_at if record else None
    good = f", now good until {local_time(end)}" if end and end > now else ""
    if elsewhere is None:
        renews = f"it renews the token{good}"
    elif vault.can_open(target.name):
        renews = f"{elsewhere} renews the token{good}; this machine goes on when that ends"
    else:
        renews = f"{elsewhere} renews the token{good} and gives this machine the key within a minute"
    around.terminal.say(f"the agent is running ({who}), logged in to {target.name}; {renews}")
    if trouble is None:
        return
    words = f"{trouble.message}; the agent keeps trying"
    if not good:
        raise NetworkError(words, hint="ctaclient agent status")
    around.terminal.warn(words)


def _begin(paths: Paths, machine: Machine, around: Surroundings) -> str:
    """Start the agent: as the service that is installed for it, else in the background."""
    manager = UserManager(around.environ)
    if not manager.serves(paths.store):
        return str(start_daemon(around.environ, paths.agent_log, machine.secret(), debug=around.debug)["holder"])
    manager.start()
    running = ask_here(paths.agent_socket, paths.store, Request("status"))
    return f"pid {running['pid']}, as a service" if running else "as a service"


def _look_at_version(running: Mapping[str, Any] | None, terminal: Terminal) -> None:
    if running is not None and running.get("version") != version():
        terminal.warn(
            f"the running agent is version {printable(str(running.get('version')), limit=40)}, "
            f"installed is {version()}; restart it: ctaclient stop-agent; ctaclient start-agent"
        )


def _sealed_login(vault: Vault, target: Target, elsewhere: Holder | None, terminal: Terminal) -> Login | None:
    """The sealed login, of whatever client; one that cannot be opened is reported and will be replaced.

    One that another machine can open and keeps fresh is no trouble.
    """
    try:
        return vault.load(target.name)
    except LoginRequired as error:
        if elsewhere is not None:
            return None
        terminal.warn(error.message)
        return None


def _serves(login: Login, target: Target) -> bool:
    return (
        same_issuer(login.issuer, target.issuer)
        and target.client_id in (None, login.client_id)
        and login.storage_url == target.storage_url
        and set(login.scope_asked.split()) == set(target.scope.split())
    )


def _as_stored(vault: Vault, profile: Profile) -> Profile:
    """The profile to save, with the issuer in the provider's own spelling."""
    record = vault.store.record(profile.name)
    return replace(profile, issuer=record.issuer) if record and profile.issuer else profile
