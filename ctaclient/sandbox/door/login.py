"""Who asks: the bearer token, checked without asking the issuer (storage.md 6.3)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ctaclient._util.redact import printable
from ctaclient.sandbox.door.rights import Rights
from ctaclient.sandbox.serving.answer import Refusal
from ctaclient.sandbox.signing import ANY_AUDIENCE

if TYPE_CHECKING:
    from ctaclient.sandbox.config import Config

# Never `Bearer`, also not for a bad bearer token (storage.md 1.11).
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="ctaclient sandbox"'}


class Login:
    """Zero leeway for `exp` and `nbf`, as gplazma-oidc."""

    def __init__(self, config: Config) -> None:
        self._keys = KeySet.import_key_set({"keys": config.jwks["keys"]})
        self._issuer_url = config.urls["issuer"]
        self._audience = config.options.audience

    def check(self, authorization: str | None) -> Rights:
        """The rights of the bearer. Raises Refusal 401 with the reason in the reason phrase."""
        if authorization is None:
            raise _refuse("Permission denied for anonymous user")
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer":  # exactly so spelled (storage.md 6.1)
            raise _refuse("Unsupported authentication scheme")
        claims = self._verify(token)
        self._check_times(claims, time.time())
        self._check_audience(claims.get("aud"))
        return Rights.from_scope(str(claims.get("scope", "")))

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            claims = dict(jwt.decode(token, self._keys, algorithms=["ES256"]).claims)
        except (JoseError, ValueError):
            raise _refuse("Token not signed by a trusted issuer") from None
        if claims.get("iss") != self._issuer_url:
            raise _refuse("Token from an unknown issuer")
        return claims

    def _check_times(self, claims: dict[str, Any], now: float) -> None:
        if not isinstance(claims.get("exp"), int | float) or claims["exp"] <= now:
            raise _refuse("Token has expired")
        if claims.get("nbf", 0) > now:
            raise _refuse("Token is not yet valid")

    def _check_audience(self, audience: object) -> None:
        named = audience if isinstance(audience, list) else [audience]
        if self._audience is not None and self._audience not in named and ANY_AUDIENCE not in named:
            raise _refuse(f"Token intended for {printable(str(audience), limit=100)}")


def _refuse(reason: str) -> Refusal:
    return Refusal(401, reason, headers=_CHALLENGE)
