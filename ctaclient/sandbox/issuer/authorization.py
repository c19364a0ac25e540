"""Authorization codes from request to redemption (RFC 6749 4.1), with PKCE, for loopback clients (RFC 8252)."""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ctaclient._util.redact import fingerprint
from ctaclient.sandbox.issuer.device import check_verifier
from ctaclient.sandbox.issuer.oauth_error import OAuthError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ctaclient.sandbox.issuer.grant import Grant

_LIFETIME_S = 60.0  # RFC 6749 4.1.2: ten minutes at most
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\])):[0-9]{1,5}(/[!-~]*)?")


@dataclass(slots=True)
class Request:
    """A login in a browser, until somebody decides. `csrf` guards the page's decision."""

    grant: Grant
    redirect_uri: str
    state: str
    challenge: str
    expires_at: float
    decided: bool = False
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)


class AuthorizationCodes:
    """All logins in browsers, for as long as the process lives."""

    def __init__(self, issuer_url: str, monotonic: Callable[[], float]) -> None:
        self._issuer_url = issuer_url
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._requests: dict[str, Request] = {}
        self._codes: dict[str, Request] = {}
        self._redeemed: set[str] = set()

    def start(self, grant: Grant, redirect_uri: str, state: str, challenge: str) -> tuple[str, Request]:
        """A new login and its number on the page."""
        number = secrets.token_urlsafe(16)
        request = Request(grant, redirect_uri, state, challenge, self._monotonic() + 10 * _LIFETIME_S)
        with self._lock:
            self._requests[number] = request
        return number, request

    def decide(self, number: str, csrf: str, *, approve: bool) -> str | None:
        """Where the browser is to go; None when the page's token is wrong or it was decided before."""
        with self._lock:
            request = self._requests.get(number)
            if request is None or request.decided or self._monotonic() >= request.expires_at:
                return None
            if not hmac.compare_digest(request.csrf.encode(), csrf.encode()):
                return None
            request.decided = True
            if not approve:
                return self.redirect(request.redirect_uri, request.state, error="access_denied")
            code = secrets.token_urlsafe(32)
            request.expires_at = self._monotonic() + _LIFETIME_S
            self._codes[fingerprint(code)] = request
        return self.redirect(request.redirect_uri, request.state, code=code)

    def redirect(self, redirect_uri: str, state: str, **answer: str) -> str:
        """The redirect with its answer, the state and the issuer (RFC 9207)."""
        query = urlencode({**answer, **({"state": state} if state else {}), "iss": self._issuer_url})
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"

    def redeem(self, code: str, client_id: str, redirect_uri: str, verifier: str | None) -> Grant:
        """What was granted, once. Raises invalid_grant."""
        name = fingerprint(code)
        with self._lock:
            request = self._codes.pop(name, None)
        if request is None or self._monotonic() >= request.expires_at:
            raise OAuthError("invalid_grant", "Code not valid")
        if request.grant.client_id != client_id or request.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", "Incorrect redirect_uri")
        check_verifier(request.challenge, verifier)
        return request.grant


def allows_redirect(registered: Iterable[str], redirect_uri: str) -> bool:
    """Whether a client may be answered there: any port of a registered loopback address (RFC 8252 7.3)."""
    match = _LOOPBACK.fullmatch(redirect_uri)
    return match is not None and match[1] + (match[2] or "") in registered
