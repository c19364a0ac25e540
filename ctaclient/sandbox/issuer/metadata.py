"""The discovery document (OpenID Connect Discovery 3, RFC 8414 2, RFC 8628 4)."""

from __future__ import annotations

from typing import Any

from ctaclient.sandbox.issuer.grant import PLAIN_SCOPES, STORAGE_SCOPES

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_AUTHENTICATION = ["none", "client_secret_basic", "client_secret_post"]


def describe_issuer(issuer_url: str) -> dict[str, Any]:
    """What the issuer says of itself."""
    return {
        "issuer": issuer_url,
        "authorization_endpoint": f"{issuer_url}/authorize",
        "device_authorization_endpoint": f"{issuer_url}/device_authorization",
        "token_endpoint": f"{issuer_url}/token",
        "registration_endpoint": f"{issuer_url}/register",
        "revocation_endpoint": f"{issuer_url}/revoke",
        "jwks_uri": f"{issuer_url}/jwks",
        "grant_types_supported": ["authorization_code", DEVICE_GRANT, "refresh_token"],
        "response_types_supported": ["code"],
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],  # OIDC Discovery 3 wants RS256 named
        "scopes_supported": [*PLAIN_SCOPES, *(f"{scope}:/" for scope in STORAGE_SCOPES)],
        "claims_supported": ["aud", "exp", "iat", "iss", "nbf", "preferred_username", "scope", "sub", "wlcg.ver"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": _AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": _AUTHENTICATION,
    }
