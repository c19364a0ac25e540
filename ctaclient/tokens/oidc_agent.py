"""Tokens from an account of oidc-agent, which stand in for a login of our own."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

from ctaclient._util.hint import command
from ctaclient._util.redact import printable, redact
from ctaclient.errors import LoginRequired, NetworkError
from ctaclient.tokens.source import check_ttl
from ctaclient.tokens.token import AccessToken, parse_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ctaclient._util.clock import Clock

# It renews on demand only: what has less left is asked for anew. A token that lives shorter is used for two thirds.
MARGIN_S = 60
# `min_valid_period` that makes it renew whatever it has (oidc-token --force-new).
FORCE_NEW = -1


class OidcAgentToken:
    """The tokens of `account`, kept in memory until near their end. Nothing of them is written.

    `ask(request)` gives oidc-agent's answer. With `issuer` a token of any other is refused: it would go to a storage
    that is not meant.
    """

    file = None

    def __init__(
        self,
        account: str,
        issuer: str | None,
        ask: Callable[[Mapping[str, object]], Mapping[str, Any]],
        clock: Clock,
    ) -> None:
        self.description = f"oidc-agent's account {printable(account)}"
        self.cure = command("oidc-add", account)
        self._account = account
        self._issuer = issuer
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._fresh_until = 0.0

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        with self._lock:
            now = self._clock.now()
            kept = self._token
            lives = kept is not None and kept.ttl_s(now) > min_ttl_s
            if kept and lives and now < self._fresh_until:
                return kept
            try:
                token = self._fetch(max(math.ceil(min_ttl_s), MARGIN_S))
            except (LoginRequired, NetworkError):
                if kept and lives:
                    return kept  # good until its end, whatever happens to oidc-agent
                raise
            check_ttl(token, min_ttl_s, self._clock, self.description, hint=self.cure)
            return token

    def replace(self, refused: AccessToken) -> AccessToken | None:
        with self._lock:
            for min_valid_period_s in (MARGIN_S, FORCE_NEW):
                token = self._fetch(min_valid_period_s)
                if token.value != refused.value:
                    return token
        return None

    def _fetch(self, min_valid_period_s: int) -> AccessToken:
        request = {
            "request": "access_token",
            "account": self._account,
            "min_valid_period": min_valid_period_s,
            "application_hint": "ctaclient",
        }
        answer = self._ask(request)
        value = answer.get("access_token")
        if answer.get("status") != "success" or not isinstance(value, str):
            said = printable(redact(str(answer.get("error", "no token, and no word why"))), limit=200)
            raise LoginRequired(f"no token from {self.description}: {said}", hint=self.cure)
        if self._issuer is not None and not _is_same(answer.get("issuer"), self._issuer):
            raise LoginRequired(
                f"{self.description} is of another issuer than the profile, {printable(self._issuer)}",
                hint="correct oidc_agent_account or issuer in config.toml",
            )
        token = parse_token(value, self.description)
        if token is None:
            raise LoginRequired(f"the token from {self.description} is empty", hint=self.cure)
        return self._keep(AccessToken(token.value, _moment(answer.get("expires_at")) or token.expires_at))

    def _keep(self, token: AccessToken) -> AccessToken:
        now = self._clock.now()
        left_s = token.ttl_s(now)
        self._token = token
        self._fresh_until = now + (left_s - min(MARGIN_S, left_s / 3) if math.isfinite(left_s) else MARGIN_S)
        return token


def _is_same(issuer: object, expected: str) -> bool:
    """With or without a slash at the end: oidc-agent adds one."""
    return isinstance(issuer, str) and issuer.rstrip("/") == expected.rstrip("/")


def _moment(value: object) -> float | None:
    """Seconds since the epoch; 0 stands for not known."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        return None
    return float(value)
