"""What a person has granted to a client, and which scopes there are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctaclient.sandbox.issuer.oauth_error import OAuthError

PLAIN_SCOPES = ("openid", "offline_access", "profile", "email", "wlcg", "wlcg.groups")
STORAGE_SCOPES = ("storage.read", "storage.create", "storage.modify", "storage.stage", "storage.poll")
# The path part is mandatory (storage.md 6.2).
_STORAGE = re.compile(rf"(?:{'|'.join(map(re.escape, STORAGE_SCOPES))}):/[!-~]*")


@dataclass(frozen=True, slots=True)
class Grant:
    """A client's access in a person's name; `audience` None: the issuer's default."""

    client_id: str
    scope: str
    audience: str | None = None

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.scope.split())


def check_scope(scope: str) -> str:
    """The scope with single spaces. Raises invalid_scope for words this issuer does not know."""
    words = scope.split()
    for word in words:
        if word not in PLAIN_SCOPES and not _STORAGE.fullmatch(word):
            raise OAuthError("invalid_scope", "Invalid scopes")
    return " ".join(dict.fromkeys(words))


def narrow_scope(granted: str, requested: str | None) -> str:
    """The scope of a refreshed token: it may only shrink (RFC 6749 6)."""
    if requested is None:
        return granted
    if not set(requested.split()) <= set(granted.split()):
        raise OAuthError("invalid_scope", "Scope exceeds what was granted")
    return " ".join(requested.split())
