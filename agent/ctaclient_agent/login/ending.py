"""Ending a login at its issuer: revocation of its tokens (RFC 7009), deletion of a client of our own (RFC 7592)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctaclient._util.redact import printable
from ctaclient.errors import ConfigError, CtaError, IssuerError, NetworkError, ServerError
from ctaclient_agent.issuer.answers import read_failure
from ctaclient_agent.issuer.client_auth import ClientAuth
from ctaclient_agent.issuer.discovery import discover

if TYPE_CHECKING:
    from ctaclient._util.clock import Clock
    from ctaclient_agent.issuer.answers import Tokens
    from ctaclient_agent.issuer.discovery import Metadata
    from ctaclient_agent.issuer.http import Http, RegistrationHttp
    from ctaclient_agent.logins.credentials import Login

# RFC 7009 2.2.1 lets a server ask for patience; nobody waits longer at a logout.
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a login at its issuer.

    `trouble` says why its refresh token may still work there, None when it does not; `client_left` why the client that
    we registered is still there.
    """

    trouble: CtaError | None
    client_left: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of a client: `done` where the issuer has deleted it now, `left` says why it may still be there."""

    done: bool
    left: str | None = None


def end_login(login: Login, access_token: str | None, http: RegistrationHttp, clock: Clock) -> Ending:
    """Revoke the tokens of `login`, and delete its client if we registered it."""
    trouble = revoke_tokens(login, access_token, http, clock)
    if login.registration_uri is None or login.registration_token is None:
        return Ending(trouble)
    client = delete_client(
        login.registration_uri, login.registration_token, http, clock, *_secrets(login, access_token)
    )
    # RFC 7592 2.3: its grants end with it, and nobody could present them any more.
    return Ending(None if client.done else trouble, client.left)


def delete_client(uri: str, token: str, http: RegistrationHttp, clock: Clock, *secrets: str) -> Deletion:
    """Delete the client at `uri`. What is said of one that is left holds no `secrets`."""
    try:
        reply = http.delete(uri, {"Authorization": f"Bearer {token}"})
    except NetworkError as error:
        return Deletion(done=False, left=error.message)
    if reply.status in (200, 204):
        return Deletion(done=True)
    # RFC 7592 2.3: 401 where the client has been gone before. The token may also have been replaced, so it proves
    # nothing about the client's grants.
    if reply.status in (401, 404):
        return Deletion(done=False)
    return Deletion(done=False, left=read_failure(reply, clock.now(), token, *secrets).text)


def discard(tokens: Tokens, auth: ClientAuth, metadata: Metadata, http: Http) -> None:
    """Revoke tokens that nobody is going to use, as far as the issuer lets us; never raises for what it answers."""
    if metadata.revocation_endpoint is None:
        return
    for hint, token in (("refresh_token", tokens.refresh_token), ("access_token", tokens.access_token)):
        if token is not None:
            with contextlib.suppress(NetworkError, ConfigError):
                http.post(
                    metadata.revocation_endpoint, *auth.apply({"token": token, "token_type_hint": hint}, metadata)
                )


def revoke_tokens(login: Login, access_token: str | None, http: Http, clock: Clock) -> CtaError | None:
    """Revoke the tokens of `login`: None, or why its refresh token may still work."""
    try:
        metadata = discover(login.issuer, http)
        if metadata.revocation_endpoint is None:
            return IssuerError(f"the issuer {printable(metadata.issuer)} offers no revocation (RFC 7009)")
        secrets = _secrets(login, access_token)
        trouble = _revoke(login, metadata, ("refresh_token", login.refresh_token), secrets, http, clock)
        if trouble is None and access_token is not None:
            # Most issuers end it with the refresh token (RFC 7009 2.1), and most storages never ask.
            _revoke(login, metadata, ("access_token", access_token), secrets, http, clock)
    except (NetworkError, IssuerError, ConfigError) as error:
        return error
    return trouble


def _revoke(
    login: Login,
    metadata: Metadata,
    what: tuple[str, str],
    secrets: tuple[str, ...],
    http: Http,
    clock: Clock,
    *,
    again: bool = True,
) -> CtaError | None:
    hint, token = what
    auth = ClientAuth(login.client_id, login.client_secret)
    form, headers = auth.apply({"token": token, "token_type_hint": hint}, metadata)
    reply = http.post(str(metadata.revocation_endpoint), form, headers)
    if reply.status == 200:
        return None
    failure = read_failure(reply, clock.now(), *secrets)
    wait_s = failure.retry_after_s
    if again and reply.status == 503 and wait_s is not None and wait_s <= _PATIENCE_S:
        clock.sleep(wait_s)
        return _revoke(login, metadata, what, secrets, http, clock, again=False)
    kind = ServerError if reply.status >= 500 or reply.status == 429 else IssuerError
    later = f", and asks to try again in {wait_s:.0f} s" if wait_s else ""
    return kind(f"the issuer did not revoke it: {failure.text}{later}", status=reply.status)


def _secrets(login: Login, access_token: str | None) -> tuple[str, ...]:
    """All of them: an answer may repeat any, and is cut before the log's own filter sees it."""
    return (*login.secrets(), *([access_token] if access_token else []))
