"""Refresh tokens: each login is a family of which one member is alive; a replay ends it (RFC 9700 4.14.2)."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctaclient._util.redact import fingerprint
from ctaclient.sandbox.issuer.oauth_error import OAuthError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.sandbox.issuer.grant import Grant


@dataclass(slots=True)
class Family:
    """All refresh tokens of one login."""

    grant: Grant
    ended: bool = False


@dataclass(slots=True)
class Member:
    """One refresh token; `spent_at` on the monotonic clock."""

    family: Family
    spent_at: float | None = None


class Families:
    """Knows tokens by fingerprint only, for as long as the process lives."""

    def __init__(self, *, rotate: bool, grace_s: float, monotonic: Callable[[], float]) -> None:
        self._rotate = rotate
        self._grace_s = grace_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}

    def start(self, grant: Grant) -> str:
        """The first refresh token of a login."""
        with self._lock:
            return self._add(Family(grant))

    def redeem(self, token: str, client_id: str) -> tuple[Grant, str | None]:
        """The grant and the successor; None without rotation: the token stays.

        Raises invalid_grant, and ends the family, when the token was spent longer ago than the grace period.
        """
        with self._lock:
            member = self._members.get(fingerprint(token))
            if member is None or member.family.grant.client_id != client_id or member.family.ended:
                raise OAuthError("invalid_grant", "Token is not active")
            if not self._rotate:
                return member.family.grant, None
            now = self._monotonic()
            if member.spent_at is not None and now - member.spent_at >= self._grace_s:
                member.family.ended = True
                raise OAuthError("invalid_grant", "Maximum allowed refresh token reuse exceeded")
            if member.spent_at is None:
                member.spent_at = now
            return member.family.grant, self._add(member.family)

    def grant_of(self, token: str) -> Grant | None:
        """What a living token stands for, without spending it."""
        member = self._members.get(fingerprint(token))
        return None if member is None else member.family.grant

    def revoke(self, token: str, client_id: str) -> None:
        """End the family (RFC 7009 2.1); unknown and foreign tokens change nothing."""
        with self._lock:
            member = self._members.get(fingerprint(token))
            if member is not None and member.family.grant.client_id == client_id:
                member.family.ended = True

    def end_all(self, client_id: str) -> None:
        """End all families of a client."""
        with self._lock:
            for member in self._members.values():
                if member.family.grant.client_id == client_id:
                    member.family.ended = True

    def _add(self, family: Family) -> str:
        token = secrets.token_urlsafe(32)
        self._members[fingerprint(token)] = Member(family)
        return token
