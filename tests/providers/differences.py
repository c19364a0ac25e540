"""What the issuers are known to do differently: the one place where the conformance tests look it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.providers.issuer import Issuer


@dataclass(frozen=True, slots=True)
class Difference:
    """`issuer` has the trait `trait`, the others have not; `reason` says where it comes from."""

    issuer: str
    trait: str
    reason: str


DIFFERENCES = (
    Difference(
        "oidc-provider",
        "no interval",
        "its device answer has no `interval` (optional, RFC 8628 3.2), so a poll comes every 5 s, as with INDIGO IAM",
    ),
    Difference(
        "oidc-provider",
        "leaves out unknown scopes",
        "a scope that nobody there knows is not granted, and no error (RFC 6749 3.3 allows both); it refuses only what "
        "it knows and the client may not have",
    ),
    Difference(
        "oidc-provider",
        "scope of the resource only",
        "with a resource server (RFC 8707) `scope` in the answer names what is granted there, without openid and "
        "offline_access; nothing at all where nothing else was asked",
    ),
    Difference(
        "oidc-provider",
        "RS256",
        "OIDC Core 15.1: what every provider must sign with and this one does by default; the sandbox signs ES256",
    ),
)


def has(issuer: Issuer, trait: str) -> bool:
    """Whether `issuer` has the trait. Raises KeyError for one that is not in the table."""
    issuers = {difference.issuer for difference in DIFFERENCES if difference.trait == trait}
    if not issuers:
        raise KeyError(trait)
    return issuer.name in issuers
