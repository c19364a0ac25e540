"""A token for less than the whole login: a narrower scope, another audience. Kept beside the login's own token."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctaclient.errors import LoginRequired, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient._util.clock import Clock
    from ctaclient.tokens.record import Record
    from ctaclient.tokens.store import TokenStore
    from ctaclient.tokens.token import AccessToken

# What asks for a refresh token or an ID token and grants no right on a storage.
_NO_RIGHT = frozenset({"openid", "offline_access"})


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What is wanted: scopes, sorted, each once, or none for those of the login; and an audience, or None."""

    scope: tuple[str, ...] = ()
    audience: str | None = None

    @classmethod
    def of(cls, scope: str | None, audience: str | None) -> TokenRequest:
        """From what a user typed. Raises UsageError when it is not printable ASCII (RFC 6749 3.3)."""
        for name, text in (("scope", scope), ("audience", audience)):
            if text is not None and not (text.strip() and text.isascii() and text.isprintable()):
                raise UsageError(f"--{name} is not usable", hint=f"--{name} TEXT, in printable ASCII")
        return cls(tuple(sorted(set((scope or "").split()))), audience.strip() if audience else None)

    def key(self) -> str:
        """Its name in the store: the same for the same wish, however it was typed."""
        return hashlib.sha256(json.dumps([self.scope, self.audience]).encode()).hexdigest()[:24]

    def is_answered_by(self, record: Record) -> bool:
        """Whether the token that `record` describes is what was asked for, and not for more."""
        return record.audience == self.audience and not self.excess(record.scope)

    def excess(self, granted: str) -> set[str]:
        """The scopes in `granted` that nobody asked for; none where nobody asked for scopes."""
        return set(granted.split()) - set(self.scope) - _NO_RIGHT if self.scope else set()


class ScopedToken:
    """As `StoredToken`, for a `request` of its own. `ask_agent` gets it from the agent, and raises what that says."""

    def __init__(
        self,
        store: TokenStore,
        profile: str,
        request: TokenRequest,
        ask_agent: Callable[[str, TokenRequest, float], None],
        clock: Clock,
    ) -> None:
        self.description = f"the login of profile {profile}"
        self.cure = f"ctaclient start-agent --profile {profile}"
        self.file = store.scoped(profile).token_file(request.key())
        self._store = store
        self._profile = profile
        self._request = request
        self._ask_agent = ask_agent
        self._clock = clock

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        token = self._read()
        if token is not None and token.ttl_s(self._clock.now()) > min_ttl_s:
            return token
        self._ask_agent(self._profile, self._request, min_ttl_s)
        token = self._read()
        if token is None or token.ttl_s(self._clock.now()) <= 0:
            raise LoginRequired(f"the agent gave no such token for profile {self._profile}", hint=self.cure)
        left_s = token.ttl_s(self._clock.now())
        if left_s < min_ttl_s:
            raise LoginRequired(f"the token lives {left_s:.0f} s, {min_ttl_s:.0f} s are wanted", hint=self.cure)
        return token

    def replace(self, refused: AccessToken) -> AccessToken | None:
        token = self._read()
        return token if token and token.value != refused.value else None

    def _read(self) -> AccessToken | None:
        found = self._store.scoped(self._profile).read(self._request.key())
        return found[1] if found and self._request.is_answered_by(found[0]) else None
