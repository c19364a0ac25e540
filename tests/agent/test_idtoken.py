"""ID tokens prove what they say, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from ctaclient.errors import IssuerError
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.login.idtoken import verify_id_token

NOW = 1_700_000_000.0
ISSUER = "https://issuer.example"
RSA, EC, MAC = RSAKey.generate_key(2048), ECKey.generate_key("P-256"), OctKey.generate_key(256)
GOOD: dict[str, Any] = {"iss": ISSUER, "aud": "client", "sub": "me", "iat": NOW, "exp": NOW + 300}


def jwks(*keys: Any, status: int = 200) -> Reply:
    strange = [{"kty": "future"}, 7]
    listed = [*strange, *({**key.as_dict(private=False), "kid": key.thumbprint()} for key in keys)]
    return Reply(status, {}, json.dumps({"keys": listed}).encode())


def sign(claims: dict[str, Any], key: Any = RSA, alg: str = "RS256") -> str:
    return jwt.encode({"alg": alg, "kid": key.thumbprint()}, claims, key, algorithms=[alg])


def verify(token: str, keys: Reply) -> str:
    return verify_id_token(token, keys, issuer=ISSUER, client_id="client", now=NOW)


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256")])
def test_a_good_token(key: Any, alg: str) -> None:
    assert verify(sign(GOOD, key, alg), jwks(RSA, EC)) == "me"
    assert (
        verify(sign({**GOOD, "aud": ["client", "x"], "azp": "client", "exp": NOW - 30}, key, alg), jwks(RSA, EC))
        == "me"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.example"},
        {"iss": ISSUER + "/"},
        {"aud": "other"},
        {"aud": ["client", "other"], "azp": "other"},
        {"aud": None},
        {"exp": NOW - 120},
        {"exp": None},
        {"exp": "soon"},
        {"iat": NOW + 3600},
        {"sub": None},
        {"sub": ""},
    ],
)
def test_wrong_claims(change: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(IssuerError):
        verify(sign(claims), jwks(RSA))


def test_wrong_signatures() -> None:
    head, body, _ = sign(GOOD).split(".")
    other = RSAKey.generate_key(2048)
    for token in (
        f"{head}.{body}.AAAA",
        f"eyJhbGciOiJub25lIn0.{body}.",
        sign(GOOD, other),
        sign(GOOD, MAC, "HS256"),
        sign(GOOD, EC, "ES256"),
    ):
        with pytest.raises(IssuerError):
            verify(token, jwks(RSA))


@pytest.mark.parametrize("keys", [Reply(200, {}, b"<html>"), Reply(200, {}, b"[]"), jwks(), jwks(RSA, status=404)])
def test_no_keys(keys: Reply) -> None:
    with pytest.raises(IssuerError):
        verify(sign(GOOD), keys)


@given(st.text() | st.just("e30.e30.e30"))
def test_any_text_is_refused(token: str) -> None:
    with pytest.raises(IssuerError):
        verify(token, jwks(RSA))
