"""Tokens as text, and what their claims say."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import LoginRequired
from ctaclient.tokens.token import AccessToken, claims, explain, parse_token
from tests.unit.conftest import BEARER_TOKENS, NOW, jwt


@given(token=BEARER_TOKENS, before=st.text(" \t\n\v\f\r"), after=st.text(" \t\n\v\f\r"))
def test_white_space_around_it_is_dropped(token: str, before: str, after: str) -> None:
    parsed = parse_token(before + token + after, "here")
    assert parsed is not None
    assert parsed.value == token


@pytest.mark.parametrize("text", ["", " ", "\n", " \t\r\n\v\f"])
def test_white_space_alone_is_no_token(text: str) -> None:
    assert parse_token(text, "here") is None


@pytest.mark.parametrize(
    "text",
    ["two words", "a\nb", "a\r\nX-Evil: 1", "tökén", "a=b", "=", '"quoted"', "a,b", "a;b", "a\0", "a\x85", "\u2003a"],
)
def test_anything_else_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(LoginRequired) as caught:
        parse_token(text, "BEARER_TOKEN")
    assert str(caught.value) == "BEARER_TOKEN does not hold an access token"


@given(st.text())
def test_what_is_parsed_fits_into_a_header(text: str) -> None:
    try:
        token = parse_token(text, "here")
    except LoginRequired:
        return
    assert token is None or (token.value.isascii() and token.value.isprintable() and " " not in token.value)


def test_a_thousand_jwts_of_every_length() -> None:
    chance = random.Random(1)
    remainders = set()
    for length in range(1000):
        sub = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz/+-_ü星", k=length))
        end = chance.randrange(2**33)
        value = jwt(sub=sub, exp=end)
        remainders.add(len(value.split(".")[1]) % 4)
        token = parse_token(value, "here")
        assert token == AccessToken(value, float(end))
        assert claims(value) == {"sub": sub, "exp": end}
    assert remainders == {0, 2, 3}


@pytest.mark.parametrize(
    "value", ["opaque", "a.b", "a.b.c", "a.b.c.d.e", "..", "MDAxY2xvY2F0aW9uIE9wdGlvbmFs", "a.W10.c"]
)
def test_an_opaque_token_has_no_claims_and_no_end(value: str) -> None:
    assert claims(value) == {}
    assert parse_token(value, "here") == AccessToken(value, None)
    assert AccessToken(value).ttl_s(NOW) == float("inf")


@given(st.binary(max_size=60))
def test_any_bytes_in_the_middle_of_a_jwt(middle: bytes) -> None:
    value = f"eyJhIjoxfQ.{base64.urlsafe_b64encode(middle).decode().rstrip('=')}.c"
    assert isinstance(claims(value), dict)
    parse_token(value, "here")


@pytest.mark.parametrize(
    "end",
    [10**400, -(10**400), "soon", None, [], {}, True, float("inf"), float("nan")],
    ids=["huge", "huge negative", "text", "null", "list", "object", "true", "infinity", "nan"],
)
def test_a_strange_end_is_no_end(end: object) -> None:
    token = parse_token(jwt(exp=end), "here")
    assert token is not None
    assert token.expires_at is None


def test_it_does_not_show_itself() -> None:
    token = AccessToken("very-secret", NOW)
    assert "very-secret" not in repr(token)
    assert "very-secret" not in token.fingerprint


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"exp": NOW - 90}, "the token expired 2 min ago"),
        ({"exp": NOW}, "the token expired 0 s ago"),
        ({"exp": NOW - 3 * 86400}, "the token expired 3 d ago"),
        ({"exp": NOW + 60, "nbf": NOW + 7200}, "the token is valid only in 2 h: is this machine's clock right?"),
        (
            {"exp": NOW + 60, "aud": ["a", "b"], "iss": "https://i", "scope": "storage.read:/"},
            "the token is for audience a b, issuer https://i, scope storage.read:/",
        ),
        ({"aud": "account\x1b[2J"}, r"the token is for audience account\x1b[2J"),
        ({}, ""),
        ({"nbf": 10**400, "aud": 7}, "the token is for audience 7"),
    ],
)
def test_explain(said: dict[str, object], why: str) -> None:
    token = parse_token(jwt(**said), "here")
    assert token is not None
    assert explain(token, NOW) == why


@given(
    st.dictionaries(
        st.sampled_from(["exp", "nbf", "aud", "iss", "scope"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3),
        ),
    )
)
def test_explain_takes_any_claims(said: dict[str, object]) -> None:
    token = parse_token(jwt(**said), "here")
    assert token is not None
    assert explain(token, NOW).isprintable()
