"""Getting a login approved: which client, which flow, what the user sees meanwhile; then it is stored."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ctaclient._util.redact import printable
from ctaclient.errors import CtaError, LoginRequired
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
from ctaclient_agent.login.ending import delete_client
from ctaclient_agent.login.flows import log_in
from ctaclient_agent.login.secret import OPTION_HINT, prompt_secret
from ctaclient_agent.logins.spending import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ctaclient_agent.issuer.discovery import Metadata
    from ctaclient_agent.login.device import Prompt
    from ctaclient_agent.login.manner import Flow, Manner
    from ctaclient_agent.login.surroundings import Surroundings
    from ctaclient_agent.login.target import Target
    from ctaclient_agent.logins.credentials import Login
    from ctaclient_agent.logins.vault import Vault


def check_manner(vault: Vault, target: Target, manner: Manner, around: Surroundings) -> None:
    """Raise what stands in the way of asking anybody: no display for a browser, or another login that waits."""
    if manner.flow == "code":
        require_display(around.environ)
    waiting = read_pending(vault.store.profile_dir(target.name), around.clock.now())
    if waiting is not None:
        raise LoginRequired(
            f"a login to profile {target.name} waits for approval already ({waiting}), at {waiting.verification_uri}",
            hint="approve that one, or end it and start again",
        )


def approve_login(
    vault: Vault, target: Target, sealed: Login | None, secret_file: Path | None, manner: Manner, around: Surroundings
) -> None:
    """A new login for `target`, stored. `sealed` is the one before, of whatever issuer and client."""
    with HttpxHttp(target.ca_bundle) as http, _shown(vault, target, manner, around) as show:
        before = sealed if sealed and same_issuer(sealed.issuer, target.issuer) else None
        metadata = discover(target.issuer, http)

        def store(client: Client) -> None:
            try:
                login, tokens, received_at = log_in(target, client, metadata, manner.flow, http, around.clock, show)
                with vault.lock(target.name), alone(vault, target.name, around.clock):
                    vault.save(login, tokens, received_at)
                if (skewed := describe_skew(tokens.skew_s)) is not None:
                    around.terminal.warn(skewed)
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


def _tidy_up(uri: str | None, token: str | None, http: HttpxHttp, around: Surroundings) -> None:
    """Delete a client of ours that serves nothing any more."""
    left = delete_client(uri, token, http, around.clock) if uri and token else None
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
