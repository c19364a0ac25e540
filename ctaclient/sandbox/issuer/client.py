"""Which client asks, and whether it can prove it (RFC 6749 2.3.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from ctaclient.sandbox.issuer.oauth_error import OAuthError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient.sandbox.config import Client
    from ctaclient.sandbox.issuer.registration import Clients


def authenticate(clients: Clients, authorization: str | None, form: Mapping[str, str]) -> Client:
    """The client, by Basic, by a secret in the form, or by its bare id. Raises 401 invalid_client."""
    if authorization is not None:
        client_id, secret = _parse_basic(authorization)
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    client = clients.get(client_id)
    if client is None:
        raise _refuse()
    if client.secret is not None and not hmac.compare_digest(client.secret.encode(), secret.encode()):
        raise _refuse()
    return client


def _parse_basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _refuse() from None
    if scheme.lower() != "basic":
        raise _refuse()
    return unquote_plus(user), unquote_plus(password)  # both are form-encoded first


def _refuse() -> OAuthError:
    return OAuthError("invalid_client", "Invalid client or Invalid client credentials", status=401)
