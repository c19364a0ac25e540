"""`logout`: end a login at its issuer, delete its files, and say what could not be done."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctaclient._util.origin import Origin
from ctaclient._util.redact import printable
from ctaclient.config.file import load
from ctaclient.config.paths import Paths
from ctaclient.config.settings import Arguments, resolve, select_profile
from ctaclient.control.client import ask_here
from ctaclient.control.messages import Request
from ctaclient.errors import ConfigError, CtaError, LoginRequired
from ctaclient.tokens.link import link_path, linked_profile, remove_link
from ctaclient.tokens.token import claims
from ctaclient_agent.commands.kept import agent_elsewhere
from ctaclient_agent.issuer.http import HttpxHttp
from ctaclient_agent.issuer.issuers import habits_of
from ctaclient_agent.login.ending import Ending, end_login
from ctaclient_agent.logins.seal import NoKey
from ctaclient_agent.logins.spending import alone
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.machines.place import machine_directory
from ctaclient_agent.process.moments import local_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient._util.clock import Clock
    from ctaclient.config.issuers import Habits
    from ctaclient.tokens.record import Record
    from ctaclient.tokens.store import TokenStore
    from ctaclient.tokens.token import AccessToken
    from ctaclient_agent.login.surroundings import Surroundings
    from ctaclient_agent.login.terminal import Terminal
    from ctaclient_agent.logins.credentials import Login

_FAR_S = 1e10  # what no calendar has
# For each of up to four requests: a person waits for them.
_TIMEOUT_S = 10.0


def log_out(given: Arguments, around: Surroundings) -> None:
    """Log out of the selected profile. Its files are gone afterwards, whatever the issuer says.

    Raises CtaError kin when the refresh token may still work at the issuer, or when nothing was done at all.
    """
    paths = Paths.of(around.environ)
    config = load(paths.config_file)
    profile = select_profile(given, around.environ, config).value or ""
    machine = Machine(machine_directory(paths, around.environ), paths.store, around.protection)
    vault = Vault(paths.store, machine, learn=around.learn)
    store = vault.store
    files = (vault.sealed_file(profile), store.token_file(profile), store.record_file(profile))
    if not any(path.is_symlink() or path.exists() for path in files):
        resolve(given, around.environ, config)  # a profile that nobody defined is a typing mistake
        around.terminal.say(f"you are not logged in to profile {profile}")
        return
    # A refresh under way ends first, here or on another machine, and none begins.
    with vault.lock(profile).within(around.clock), alone(vault, profile, around.clock):
        login, unread = _sealed_login(vault, profile, around.clock)
        record, token = _published(vault, profile)
        if token is not None:
            around.learn(token.value)
        ending = Ending(unread)
        try:
            if login is not None:
                ending = _end(login, token, given.ca_bundle, around.clock)
        finally:
            vault.wipe(profile)
            _unlink(profile, store, around.environ)
    _tell_agent(paths, around.terminal)
    issuer = login.issuer if login else record.issuer if record else None
    habits = habits_of(issuer, config.issuers) if issuer else None
    _report(profile, login, record, ending, habits, around)


def _unlink(profile: str, store: TokenStore, environ: Mapping[str, str]) -> None:
    """The link for other programs would lead nowhere."""
    link = link_path(environ)
    if link is not None and linked_profile(link, store) == profile:
        with contextlib.suppress(CtaError, OSError):
            remove_link(link, store)


def _sealed_login(vault: Vault, profile: str, clock: Clock) -> tuple[Login | None, CtaError | None]:
    """The login, or why it cannot be opened. Raises what can be cured: by another machine, if one keeps it."""
    try:
        return vault.load(profile), None
    except NoKey as error:
        holder = agent_elsewhere(vault.store.directory, clock)
        if holder is not None:
            raise NoKey(error.message, hint=f"ctaclient logout on {holder.host}, whose agent keeps it") from None
        return None, error
    except LoginRequired as error:
        return None, error


def _published(vault: Vault, profile: str) -> tuple[Record | None, AccessToken | None]:
    try:
        return vault.store.read(profile) or (None, None)
    except CtaError:
        return None, None  # damaged: it is about to be deleted anyway


def _end(login: Login, token: AccessToken | None, ca_bundle: str | None, clock: Clock) -> Ending:
    try:
        with HttpxHttp(ca_bundle or login.ca_bundle, total_timeout_s=_TIMEOUT_S) as http:
            return end_login(login, token.value if token else None, http, clock)
    except ConfigError as error:  # a CA bundle that is gone
        return Ending(error)


def _tell_agent(paths: Paths, terminal: Terminal) -> None:
    try:
        ask_here(paths.agent_socket, paths.store, Request("reload"))
    except CtaError as error:
        terminal.warn(f"the running agent could not be told, and will notice soon: {error.message}")


def _report(
    profile: str,
    login: Login | None,
    record: Record | None,
    ending: Ending,
    habits: Habits | None,
    around: Surroundings,
) -> None:
    say, now = around.terminal.say, around.clock.now()
    host = f" at {printable(Origin.of(login.issuer).host, limit=200)}" if login else ""
    if ending.trouble is None:
        ended = f"its tokens are revoked{host}, and " if login else ""
        say(f"logged out of profile {profile}: {ended}its files here are deleted")
    else:
        say(f"logged out of profile {profile} here: its files are deleted")
    if habits and habits.revocation_ends_all and login and ending.trouble is None:
        say(f"your other logins with the client {printable(login.client_id)} may have ended, too: such is Keycloak")
    if ending.client_left and login:
        client_id = printable(login.client_id, limit=200)
        around.terminal.warn(f"the client {client_id}, registered for you, is still there: {ending.client_left}")
    if record and record.expires_at and record.expires_at > now:
        until = local_time(record.expires_at)
        say(f"a copy of the access token works until {until} at storages that do not ask the issuer")
    if ending.trouble is not None:
        until = _until(login, now) if login else "for as long as the issuer lets it"
        raise type(ending.trouble)(
            f"the refresh token, deleted here, still works at the issuer {until}: {ending.trouble.message}",
            hint=_cure(login, habits),
            status=ending.trouble.status,
        )


def _until(login: Login, now: float) -> str:
    end = claims(login.refresh_token).get("exp")  # Keycloak's is a JWT; an opaque one does not tell
    if isinstance(end, int | float) and now < end < now + _FAR_S:
        return f"until {local_time(end)}"
    return "until it expires there unused"


def _cure(login: Login | None, habits: Habits | None) -> str:
    if login and habits and habits.revocation_ends_all:  # Keycloak
        return f"end it on your account page, {login.issuer.removesuffix('/')}/account"
    return "end it on the issuer's account page, if somebody else may have a copy"
