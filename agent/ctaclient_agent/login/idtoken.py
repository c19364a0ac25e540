"""The ID-token check (OpenID Connect Core 3.1.3.7), in the login process only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from ctaclient._util.redact import printable
from ctaclient.errors import IssuerError

if TYPE_CHECKING:
    from ctaclient_agent.issuer.http import Reply

# Signatures by key pairs only: never `none`, never a MAC with something that others know.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_LEEWAY_S = 60


def verify_id_token(id_token: str, jwks: Reply, *, issuer: str, client_id: str, now: float) -> str:
    """The subject that `id_token` proves. Raises IssuerError when it proves nothing to `client_id`."""
    keys = _keys(jwks)
    try:
        token = jwt.decode(id_token, keys, algorithms=ALGORITHMS)
        jwt.JWTClaimsRegistry(
            now=int(now),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            sub={"essential": True},
            exp={"essential": True},
        ).validate(token.claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        # joserfc names the claim or the algorithm, never the token
        why = printable(f"{type(error).__name__} {error}", limit=120)
        raise IssuerError(f"the issuer's ID token is not valid: {why}", hint="is this machine's clock right?") from None
    claims = token.claims
    audience, authorized = claims.get("aud"), claims.get("azp")
    if isinstance(audience, list) and len(audience) > 1 and authorized not in (None, client_id):
        raise IssuerError("the issuer's ID token is for another client")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise IssuerError("the issuer's ID token names nobody")
    return subject


def _keys(jwks: Reply) -> KeySet:
    try:
        document: Any = json.loads(jwks.body)
        listed = document["keys"] if jwks.status == 200 else []
    except (ValueError, KeyError, TypeError, RecursionError):
        listed = []
    keys = []
    for each in listed if isinstance(listed, list) else []:
        try:
            keys.append(JWKRegistry.import_key(each))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue  # RFC 7517 5: ignore keys of kinds that one does not know
    if not keys:
        raise IssuerError("the issuer does not show the keys of its ID tokens")
    return KeySet(keys)
