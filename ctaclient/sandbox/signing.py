"""Access and ID tokens: JWTs by ES256, in the WLCG profile and RFC 9068."""

from __future__ import annotations

import secrets
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

ANY_AUDIENCE = "https://wlcg.cern.ch/jwt/v1/any"
SUBJECT = "sandbox-astronomer"
_ALGORITHM = "ES256"


def make_signing_key() -> ECKey:
    """A fresh P-256 key with a random `kid`."""
    return ECKey.generate_key("P-256", {"kid": secrets.token_hex(8), "use": "sig", "alg": _ALGORITHM})


class Signer:
    """Signs tokens of one issuer. All times are seconds since the epoch."""

    def __init__(self, issuer_url: str, key: ECKey) -> None:
        self._issuer_url = issuer_url
        self._key = key

    def access_token(
        self,
        *,
        client_id: str,
        scope: str,
        audience: str | list[str] | None,
        issued_at: float,
        not_before: float,
        lifetime_s: float,
    ) -> str:
        """A token as RFC 9068 wants it, that ends `lifetime_s` after `issued_at`."""
        claims: dict[str, Any] = {
            **self._base(issued_at, lifetime_s),
            "nbf": int(not_before),
            "wlcg.ver": "1.0",
            "scope": scope,
            "client_id": client_id,
        }
        if audience is not None:
            claims["aud"] = audience
        return self._sign("at+jwt", claims)

    def id_token(self, *, client_id: str, issued_at: float, lifetime_s: float) -> str:
        """Who logged in, for the client alone (OpenID Connect Core 2)."""
        claims = {**self._base(issued_at, lifetime_s), "aud": client_id, "preferred_username": "astronomer"}
        return self._sign("JWT", claims)

    def _base(self, issued_at: float, lifetime_s: float) -> dict[str, Any]:
        return {
            "iss": self._issuer_url,
            "sub": SUBJECT,
            "iat": int(issued_at),
            "exp": int(issued_at + lifetime_s),
            "jti": secrets.token_hex(16),
        }

    def _sign(self, kind: str, claims: dict[str, Any]) -> str:
        header = {"alg": _ALGORITHM, "typ": kind, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[_ALGORITHM])
