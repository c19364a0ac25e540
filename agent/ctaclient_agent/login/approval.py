"""Getting a login approved: which client, which flow, what the user sees meanwhile; then it is stored."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ctaclient._util.redact import printable
from ctaclient.errors import ConflictError, CtaError, LoginRequired
from ctaclient.tokens.pending import Pending, read_pending, remove_pending, write_pending
from ctaclient_agent.issuer.answers import CLIENT_REFUSED
from ctaclient_agent.issuer.client_auth import ClientAuth
from ctaclient_agent.issuer.discovery import discover, same_issuer
from ctaclient_agent.issuer.http import HttpxHttp
from ctaclient_agent.issuer.skew import describe_skew
from ctaclient_agent.login.browser import open_browser, require_display
from ctaclient_agent.login.client import Client, named_client, own_client
from ctaclient_agent.login.code_flow import Browse
from ctaclient_agent.login.device import Refused
from ctaclient_agent.login.ending import delete_client, revoke_tokens
from ctaclient_agent.login.flows import log_in, throw_away
from ctaclient_agent.login.secret import OPTION_HINT, prompt_secret
from ctaclient_agent.logins.spending import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ctaclient._util.clock import Clock
    from ctaclient_agent.issuer.answers import Tokens
    from ctaclient_agent.issuer.discovery import Metadata
    from ctaclient_agent.login.device import Prompt
    from ctaclient_agent.login.manner import Flow, Manner
    from ctaclient_agent.login.surroundings import Surroundings
    from ctaclient_agent.login.target import Target
    from ctaclient_agent.logins.credentials import Login
    from ctaclient_agent.logins.vault import Vault


def check_manner(
    vault: Vault, target: Target, manner: Manner, around: Surroundings, *, new_login: bool = False
) -> None:
    """Raise what stands in the way of asking anybody: no display for a browser, or another login that waits.

    A `new_login` waits for none: on another machine nobody can see from here whether that one has ended.
    """
    if manner.flow == "code":
        require_display(around.environ)
    if new_login:
        return
    waiting = read_pending(vault.store.profile_dir(target.name), around.clock.now())
    if waiting is not None:
        raise LoginRequired(
            f"a login to profile {target.name} waits for approval already ({waiting}), at {waiting.verification_uri}",
            hint=f"approve that one, or ctaclient start-agent --new-login --profile {target.name}",
        )


def approve_login(
    vault: Vault, target: Target, sealed: Login | None, secret_file: Path | None, manner: Manner, around: Surroundings
) -> None:
    """A new login for `target`, stored. `sealed` is the one before, of whatever issuer and client.

    Raises ConflictError when another account approves it than the one that the profile belongs to.
    """
    with vault.lock(target.name).within(around.clock):
        pass  # nobody approves a login that cannot be stored because some process is stopped
    with HttpxHttp(target.ca_bundle) as http, _shown(vault, target, manner, around) as show:
        before = sealed if sealed and same_issuer(sealed.issuer, target.issuer) else None
        metadata = discover(target.issuer, http)

        def store(client: Client) -> None:
            try:
                login, tokens, received_at = log_in(target, client, metadata, manner.flow, http, around.clock, show)
                try:
                    replaced = _save(vault, target, login, tokens, received_at, around.clock)
                except BaseException:
                    if not _may_be_stored(vault, login):
                        throw_away(tokens, target, client, metadata, http)
                    raise
                if (skewed := describe_skew(tokens.skew_s)) is not None:
                    around.terminal.warn(skewed)
                if replaced is not None and not target.habits.revocation_ends_all:
                    _end(replaced, http, around)
            except BaseException:
                if client.is_new and client.registration and not _is_stored(vault, target.name, client):
                    _tidy_up(client.registration.uri, client.registration.token, http, around)
                raise

        client = named_client(target, before, secret_file, around.ask_secret)
        if client is not None:
            _log_in_as(client, store, target, secret_file, around)
        else:
            client = _log_in_as_own(store, target, before, metadata, manner.flow, http, around)
        if before and before.registered_for and before.client_id != client.auth.client_id:
            _tidy_up(before.registration_uri, before.registration_token, http, around)


def _save(vault: Vault, target: Target, login: Login, tokens: Tokens, received_at: float, clock: Clock) -> Login | None:
    """Store the login; the one that it replaces, if that may still work at the same issuer."""
    with vault.lock(target.name).within(clock), alone(vault, target.name, clock):
        before = _current(vault, login)  # not the one of the beginning: an agent may have refreshed it since
        if before is not None and None not in (before.subject, login.subject) and before.subject != login.subject:
            raise ConflictError(
                f"profile {target.name} belongs to another account of this issuer than the one that approved",
                hint=f"approve as before, or first: ctaclient logout --profile {target.name}",
            )
        had_ended = _had_ended(vault, target.name)
        vault.save(login, tokens, received_at)
    if before is None or had_ended or before.refresh_token == login.refresh_token:
        return None
    return before


def _had_ended(vault: Vault, profile: str) -> bool:
    try:
        record = vault.store.record(profile)
    except (CtaError, OSError):
        return False
    return record is not None and record.state == "login_required"


def _current(vault: Vault, login: Login) -> Login | None:
    """The login that `login` is to replace, where it can be opened and is of the same issuer."""
    try:
        before = vault.load(login.profile)
    except (CtaError, OSError):
        return None
    return before if before is not None and same_issuer(before.issuer, login.issuer) else None


def _end(replaced: Login, http: HttpxHttp, around: Surroundings) -> None:
    """Nobody has the refresh token of the login before any more, so it is not to work any more."""
    if (trouble := revoke_tokens(replaced, None, http, around.clock)) is not None:
        around.terminal.warn(f"the login before may still work at the issuer: {trouble.message}")


def _log_in_as(
    client: Client, store: Callable[[Client], None], target: Target, secret_file: Path | None, around: Surroundings
) -> None:
    """With the client that was named, asking once for its secret when the issuer does not believe it."""
    try:
        store(client)
    except Refused as error:
        if not _is_about_client(error):
            raise
        if secret_file is None and around.has_terminal():
            around.terminal.warn(error.message)
            if (typed := prompt_secret(target, around.ask_secret)) is not None:
                store(replace(client, auth=ClientAuth(client.auth.client_id, typed)))
                return
        hint = f"check --client-id; a confidential client needs {OPTION_HINT}"
        raise Refused(error.message, hint=hint, status=error.status, code=error.code) from None


def _log_in_as_own(
    store: Callable[[Client], None],
    target: Target,
    before: Login | None,
    metadata: Metadata,
    flow: Flow,
    http: HttpxHttp,
    around: Surroundings,
) -> Client:
    """With a client that nobody had to name: the one that served it."""
    client = own_client(target, before, metadata, flow, http, around.clock)
    _say_client(client, around)
    try:
        store(client)
    except Refused as error:
        if not (_is_about_client(error) or error.code == "invalid_scope") or client.is_new or not client.registration:
            raise
        # The issuer has forgotten the client of the last time, or lets it have no more than was asked for then.
        client = own_client(target, None, metadata, flow, http, around.clock)
        _say_client(client, around)
        store(client)
    return client


def _is_about_client(error: Refused) -> bool:
    """Whether the issuer does not know the client, or not believe it; INDIGO IAM says 404 and nothing else."""
    return error.code in CLIENT_REFUSED or (not error.code and error.status == 404)


def _say_client(client: Client, around: Surroundings) -> None:
    if client.registration and client.registration.secret:
        around.learn(client.registration.secret)
    if client.registration and client.registration.token:
        around.learn(client.registration.token)
    how = "registered a client for this machine" if client.is_new else "using the client"
    around.terminal.say(f"{how}: {printable(client.auth.client_id, limit=200)}")


def _is_stored(vault: Vault, profile: str, client: Client) -> bool:
    """Whether the store has a login with `client`, or may have one: a disk can be full after the first of its files."""
    try:
        login = vault.load(profile)
    except (CtaError, OSError):
        return True
    return login is not None and login.client_id == client.auth.client_id


def _may_be_stored(vault: Vault, login: Login) -> bool:
    """Whether the refresh token of `login` is in the store, as far as that can be seen."""
    try:
        found = vault.load(login.profile)
    except (CtaError, OSError):
        return True
    return found is not None and found.refresh_token == login.refresh_token


def _tidy_up(uri: str | None, token: str | None, http: HttpxHttp, around: Surroundings) -> None:
    """Delete a client of ours that serves nothing any more."""
    left = delete_client(uri, token, http, around.clock).left if uri and token else None
    if left:
        around.terminal.warn(f"a client that was registered for you is still at the issuer: {left}")


@contextlib.contextmanager
def _shown(
    vault: Vault, target: Target, manner: Manner, around: Surroundings
) -> Iterator[Callable[[Prompt | Browse], None]]:
    """What shows a flow's requests to the user, and tells other programs of this user that somebody is waited for."""
    directory = vault.store.profile_dir(target.name)
    terminal, browsers = around.terminal, []
    told: list[Pending] = []

    def show(step: Prompt | Browse) -> None:
        # Of the browser's address only the place: the rest is of use in this process alone.
        address = step.url.partition("?")[0] if isinstance(step, Browse) else step.verification_uri
        told.append(Pending.here(around.clock.now(), step.life_s, address))
        write_pending(directory, told[-1])
        if isinstance(step, Browse):
            browsers.append(open_browser(step.url, around.environ))
            terminal.show_address(step, target.name, target.issuer, opened=browsers[-1] is not None)
        else:
            terminal.show(step, target.name, target.issuer, qr=manner.qr)

    try:
        yield show
    finally:
        for pending in told:
            remove_pending(directory, pending)
        with contextlib.suppress(OSError):
            directory.rmdir()  # of a first login that came to nothing
        for browser in browsers:
            if browser is not None:
                browser.poll()
