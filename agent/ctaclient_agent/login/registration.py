"""A client of our own at an issuer (RFC 7591): what to ask for, and what the answer means. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctaclient._util.redact import printable
from ctaclient_agent.issuer.answers import Failure, read_failure, read_object
from ctaclient_agent.issuer.discovery import is_https
from ctaclient_agent.login.device import GRANT as DEVICE_GRANT

if TYPE_CHECKING:
    from ctaclient_agent.issuer.http import Reply
    from ctaclient_agent.login.manner import Flow
    from ctaclient_agent.logins.credentials import Login

# RFC 8252 7.3: the port is chosen at each login, and issuers let it pass. 8.3: the address, never `localhost`.
REDIRECT_PATH = "/callback"
REDIRECT_URI = f"http://127.0.0.1{REDIRECT_PATH}"
_MARGIN_S = 3600.0
_FAR_S = 1e12


@dataclass(frozen=True, slots=True)
class Registration:
    """A client that we registered. `flow` is what it was registered for: `code` serves both flows.

    `secret_expires_at` is seconds since the epoch, None for never; `uri` and `token` let us delete it (RFC 7592), where
    the issuer gave them.
    """

    client_id: str
    flow: Flow
    secret: str | None = field(default=None, repr=False)
    secret_expires_at: float | None = None
    uri: str | None = None
    token: str | None = field(default=None, repr=False)


def describe_client(prefix: str | None, host: str, scope: str, flow: Flow) -> dict[str, Any]:
    """The request for a native public client on `host`, to be sent as JSON."""
    by_code = flow == "code"
    return {
        # The host tells a user's clients apart on the issuer's pages.
        "client_name": f"{prefix or ''}ctaclient on {printable(host, limit=80)}",
        # Not `web`: strict issuers refuse loopback addresses to it (agent.md 3).
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": [DEVICE_GRANT, "refresh_token", *(["authorization_code"] if by_code else [])],
        "response_types": ["code"] if by_code else [],
        "redirect_uris": [REDIRECT_URI] if by_code else [],
        "scope": scope,
    }


def read_registration(reply: Reply, flow: Flow, now: float) -> Registration | Failure:
    """The meaning of the registration endpoint's `reply`."""
    body = read_object(reply)
    if reply.status not in (200, 201) or body is None or "error" in body:
        return read_failure(reply, now)
    client_id, secret, uri, token = (
        _text(body.get(name))
        for name in ("client_id", "client_secret", "registration_client_uri", "registration_access_token")
    )
    if client_id is None:
        return Failure("", "the answer has no client id", reply.status)
    manageable = is_https(uri) and token is not None and token.isascii() and " " not in token
    end = body.get("client_secret_expires_at")  # 0: never
    expires_at = float(end) if isinstance(end, int | float) and 0 < end < _FAR_S else None
    return Registration(
        client_id=client_id,
        flow=flow,
        secret=secret,
        secret_expires_at=expires_at if secret else None,
        uri=uri if manageable else None,
        token=token if manageable else None,
    )


def registration_of(login: Login, flow: Flow, now: float) -> Registration | None:
    """The client of `login`, if we registered it, it serves `flow`, and its secret does not end soon."""
    if login.registered_for is None or (flow == "code" and login.registered_for != "code"):
        return None
    expires_at = login.client_secret_expires_at
    if expires_at is not None and expires_at < now + _MARGIN_S:
        return None
    return Registration(
        client_id=login.client_id,
        flow="code" if login.registered_for == "code" else "device",
        secret=login.client_secret,
        secret_expires_at=expires_at,
        uri=login.registration_uri,
        token=login.registration_token,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value and value.isprintable() else None
