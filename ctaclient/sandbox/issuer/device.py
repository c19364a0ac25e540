"""Device codes from request to redemption (RFC 8628), with PKCE where the client sends it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from ctaclient._util.redact import fingerprint
from ctaclient.sandbox.issuer.oauth_error import OAuthError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.sandbox.issuer.grant import Grant

_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 6.1: no vowels, so no words
_DEFAULT_INTERVAL_S = 5  # RFC 8628 3.2
_SLOWER_S = 5  # RFC 8628 3.5


class State(Enum):
    """Where a device code is in its life."""

    PENDING = auto()
    APPROVED = auto()
    DENIED = auto()
    SPENT = auto()


@dataclass(slots=True)
class DeviceCode:
    """One login in progress. Times are of the monotonic clock. `csrf` guards the page's decision."""

    grant: Grant
    user_code: str
    challenge: str | None
    expires_at: float
    interval_s: float
    state: State = State.PENDING
    last_poll: float | None = None
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)


class DeviceCodes:
    """All logins in progress, for as long as the process lives."""

    def __init__(self, lifetime_s: float, interval_s: int | None, monotonic: Callable[[], float]) -> None:
        self._lifetime_s = lifetime_s
        self._interval_s = _DEFAULT_INTERVAL_S if interval_s is None else interval_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._by_device_code: dict[str, DeviceCode] = {}
        self._by_user_code: dict[str, DeviceCode] = {}

    def start(self, grant: Grant, challenge: str | None) -> tuple[str, DeviceCode]:
        """A new device code and its record."""
        device_code = secrets.token_urlsafe(32)
        letters = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(8))
        code = DeviceCode(
            grant=grant,
            user_code=f"{letters[:4]}-{letters[4:]}",
            challenge=challenge,
            expires_at=self._monotonic() + self._lifetime_s,
            interval_s=self._interval_s,
        )
        with self._lock:
            self._by_device_code[fingerprint(device_code)] = code
            self._by_user_code[letters] = code
        return device_code, code

    def find(self, user_code: str) -> DeviceCode | None:
        """The login a person means, while it waits; case and dashes do not count (RFC 8628 6.1)."""
        code = self._by_user_code.get("".join(c for c in user_code.upper() if c.isalnum()))
        if code is None or code.state is not State.PENDING or self._monotonic() >= code.expires_at:
            return None
        return code

    def decide(self, code: DeviceCode, csrf: str, *, approve: bool) -> bool:
        """Approve or deny; False when the page's token is wrong or it was decided before."""
        with self._lock:
            if code.state is not State.PENDING or not hmac.compare_digest(code.csrf.encode(), csrf.encode()):
                return False
            code.state = State.APPROVED if approve else State.DENIED
            return True

    def redeem(self, device_code: str, client_id: str, verifier: str | None) -> Grant:
        """What was granted, once. Raises OAuthError for every other state of the login."""
        with self._lock:
            code = self._by_device_code.get(fingerprint(device_code))
            if code is None or code.grant.client_id != client_id or code.state is State.SPENT:
                raise OAuthError("invalid_grant", "Device code not valid")
            now = self._monotonic()
            if now >= code.expires_at:
                raise OAuthError("expired_token", "Device code is expired")
            if code.state is State.DENIED:
                raise OAuthError("access_denied", "The end user denied the authorization request")
            if code.challenge is not None:
                check_verifier(code.challenge, verifier)
            if code.state is State.PENDING:
                self._pace(code, now)
                raise OAuthError("authorization_pending", "The authorization request is still pending")
            code.state = State.SPENT
            return code.grant

    def _pace(self, code: DeviceCode, now: float) -> None:
        too_fast = code.last_poll is not None and now - code.last_poll < code.interval_s
        code.last_poll = now
        if too_fast:
            code.interval_s += _SLOWER_S
            raise OAuthError("slow_down", "Slow down")


def check_verifier(challenge: str, verifier: str | None) -> None:
    """RFC 7636 4.6, S256. Raises invalid_grant."""
    if verifier is None:
        raise OAuthError("invalid_grant", "PKCE code verifier not specified")
    digest = hashlib.sha256(verifier.encode()).digest()
    if not hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), challenge.encode()):
        raise OAuthError("invalid_grant", "PKCE verification failed")
