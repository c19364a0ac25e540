"""Which token goes to which origin, and the one refresh after a 401, for all threads together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ctaclient.errors import TokenRejected
from ctaclient.tokens.token import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient._util.clock import Clock
    from ctaclient._util.origin import Origin
    from ctaclient.tokens.source import TokenSource
    from ctaclient.tokens.token import AccessToken


class Access:
    """Tokens by origin. An origin that is not in `sources` gets none, ever.

    dCache blocks an address after three 401s in 20 s and remembers a refused token for ten minutes (storage.md 1.12):
    a refused token is never sent again, by no thread.
    """

    def __init__(self, sources: Mapping[Origin, TokenSource], clock: Clock) -> None:
        self._sources = sources
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: set[str] = set()

    def token_for(self, origin: Origin) -> AccessToken | None:
        """The token for `origin`, or None when none may go there. Raises AuthError kin when there should be one."""
        source = self._sources.get(origin)
        if source is None:
            return None
        token = source.get()
        return token if token.fingerprint not in self._refused else self.renew(origin, token)

    def renew(self, origin: Origin, refused: AccessToken) -> AccessToken:
        """Another token after a 401. Raises TokenRejected when there is no other."""
        source = self._sources[origin]
        with self._lock:
            self._refused.add(refused.fingerprint)
            token = source.get()
            if token.fingerprint in self._refused:
                token = source.replace(token) or token
        if token.fingerprint in self._refused:
            raise self.rejected(origin, refused)
        return token

    def rejected(self, origin: Origin, token: AccessToken) -> TokenRejected:
        """The error for a token that `origin` refused, with what the token itself says about it."""
        self._refused.add(token.fingerprint)
        source = self._sources[origin]
        why = explain(token, self._clock.now())
        return TokenRejected(
            f"{origin} refused the token from {source.description}" + (f": {why}" if why else ""),
            hint=f"{source.cure}; does the storage accept this issuer?",
            status=401,
        )
