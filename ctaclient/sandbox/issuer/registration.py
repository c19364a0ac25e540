"""Clients that register themselves (RFC 7591), and their end (RFC 7592)."""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from typing import Any

from ctaclient._util.redact import fingerprint
from ctaclient.sandbox.config import Client
from ctaclient.sandbox.issuer.metadata import DEVICE_GRANT
from ctaclient.sandbox.issuer.oauth_error import OAuthError

_GRANTS = {DEVICE_GRANT, "refresh_token", "authorization_code"}
_REDIRECT = re.compile(r"http://(?:127\.0\.0\.1|\[::1\])(?:/[!-~]*)?")  # RFC 8252 7.3, without a port


class Clients:
    """The clients that the issuer knows: those of its configuration, and those that came by themselves."""

    def __init__(self, configured: tuple[Client, ...], issuer_url: str) -> None:
        self._configured = {client.id: client for client in configured}
        self._registered: dict[str, Client] = {}
        self._tokens: dict[str, str] = {}  # by client id, as fingerprints
        self._issuer_url = issuer_url
        self._lock = threading.Lock()

    def get(self, client_id: str) -> Client | None:
        """The client, or None."""
        return self._registered.get(client_id) or self._configured.get(client_id)

    def register(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """A new public client. Raises invalid_client_metadata or invalid_redirect_uri (RFC 7591 3.2.2)."""
        grants = _texts(metadata, "grant_types")
        redirects = _texts(metadata, "redirect_uris")
        if not set(grants) <= _GRANTS or metadata.get("token_endpoint_auth_method") != "none":
            raise OAuthError("invalid_client_metadata", "Only public clients of the device and code flows")
        if not all(_REDIRECT.fullmatch(uri) for uri in redirects):
            raise OAuthError("invalid_redirect_uri", "Only loopback addresses without a port")
        client_id, token = f"own-{secrets.token_hex(8)}", secrets.token_urlsafe(32)
        client = Client(client_id, device_flow=DEVICE_GRANT in grants, redirect_uris=tuple(redirects))
        with self._lock:
            self._registered[client_id] = client
            self._tokens[client_id] = fingerprint(token)
        return {
            **{name: metadata[name] for name in ("client_name", "application_type", "scope") if name in metadata},
            "client_id": client_id,
            "token_endpoint_auth_method": "none",
            "grant_types": grants,
            "redirect_uris": redirects,
            "registration_client_uri": f"{self._issuer_url}/register/{client_id}",
            "registration_access_token": token,
        }

    def delete(self, client_id: str, authorization: str | None) -> None:
        """Forget a client that registered itself. Raises 401 invalid_token."""
        token = (authorization or "").removeprefix("Bearer ")
        with self._lock:
            known = self._tokens.get(client_id, "")
            if not hmac.compare_digest(known, fingerprint(token)):
                raise OAuthError("invalid_token", "Registration access token not valid", status=401)
            del self._registered[client_id], self._tokens[client_id]


def _texts(metadata: dict[str, Any], name: str) -> list[str]:
    values = metadata.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise OAuthError("invalid_client_metadata", f"{name} is a list of texts")
    return values
