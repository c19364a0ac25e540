"""Ending a login at its issuer: revocation of its tokens (RFC 7009), deletion of a client of our own (RFC 7592)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctaclient._util.redact import printable
from ctaclient.errors import ConfigError, CtaError, IssuerError, NetworkError, ServerError
from ctaclient_agent.issuer.answers import read_failure
from ctaclient_agent.issuer.client_auth import ClientAuth
from ctaclient_agent.issuer.discovery import discover

if TYPE_CHECKING:
    from ctaclient._util.clock import Clock
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


def end_login(login: Login, access_token: str | None, http: RegistrationHttp, clock: Clock) -> Ending:
    """Revoke the tokens of `login`, and delete its client if we registered it."""
    trouble = _revoke_all(login, access_token, http, clock)
    if login.registration_uri is None or login.registration_token is None:
        return Ending(trouble)
    client_left = delete_client(
        login.registration_uri, login.registration_token, http, clock, *_secrets(login, access_token)
    )
    # RFC 7592 2.3: its grants end with it, and nobody could present them any more.
    return Ending(trouble if client_left else None, client_left)


def delete_client(uri: str, token: str, http: RegistrationHttp, clock: Clock, *secrets: str) -> str | None:
    """Delete the client at `uri`: None when it is gone, else why it is not, without `secrets`."""
    try:
        reply = http.delete(uri, {"Authorization": f"Bearer {token}"})
    except NetworkError as error:
        return error.message
    # RFC 7592 2.3: 401 where the client has been gone before
    return None if reply.status in (200, 204, 401, 404) else read_failure(reply, clock.now(), token, *secrets).text


def _revoke_all(login: Login, access_token: str | None, http: Http, clock: Clock) -> CtaError | None:
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
