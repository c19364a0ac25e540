"""What a token endpoint may say."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient_agent.issuer.answers import Failure, Tokens, read_failure, read_tokens, retry_after_s, seconds
from ctaclient_agent.issuer.http import Reply

NOW = 1_700_000_000.0
GOOD: dict[str, Any] = {"access_token": "abc.DEF-1", "token_type": "bearer", "expires_in": 600}


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers, data)


def jwt(**claims: Any) -> str:
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".c2ln"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Tokens("abc.DEF-1", 600.0)),
        ({"token_type": "BEARER", "expires_in": "60"}, Tokens("abc.DEF-1", 60.0)),
        ({"scope": "a  b", "refresh_token": "r", "id_token": "i"}, Tokens("abc.DEF-1", 600.0, "r", "a b", "i")),
        ({"refresh_token": "", "scope": " "}, Tokens("abc.DEF-1", 600.0)),
        ({"expires_in": None}, Tokens("abc.DEF-1", 300.0)),
        ({"expires_in": 0}, Tokens("abc.DEF-1", 300.0)),
        ({"expires_in": True}, Tokens("abc.DEF-1", 300.0)),
        ({"expires_in": -1, "access_token": jwt(exp=NOW + 90)}, Tokens(jwt(exp=NOW + 90), 90.0)),
        ({"expires_in": None, "access_token": jwt(exp=NOW - 90)}, Tokens(jwt(exp=NOW - 90), 300.0)),
        ({"expires_in": None, "access_token": jwt(exp=10**400)}, Tokens(jwt(exp=10**400), 300.0)),
    ],
)
def test_tokens(change: dict[str, Any], expected: Tokens) -> None:
    assert read_tokens(reply({**GOOD, **change}), NOW) == expected


@pytest.mark.parametrize(
    "body",
    [
        {**GOOD, "token_type": "DPoP"},
        {**GOOD, "token_type": None},
        {**GOOD, "access_token": "with space"},
        {**GOOD, "access_token": "line\n"},
        {**GOOD, "access_token": ""},
        {**GOOD, "error": "invalid_grant"},
        b"<html>portal</html>",
        b'{"access_token": "abc',
        b"",
        [GOOD],
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_an_unusable_success_is_passing(body: Any) -> None:
    answer = read_tokens(reply(body), NOW)
    assert isinstance(answer, Failure)
    assert not answer.final


@pytest.mark.parametrize(
    ("status", "code", "final"),
    [
        (400, "invalid_grant", True),
        (401, "invalid_token", True),
        (401, "invalid_client", True),
        (400, "unauthorized_client", True),
        (400, "temporarily_unavailable", False),
        (400, "invalid_request", False),
        (400, "invalid_scope", False),
        (500, "server_error", False),
        (503, "invalid_grant", False),
        (429, "invalid_client", False),
        (408, "invalid_grant", False),
        (302, "invalid_grant", False),
    ],
)
def test_only_a_refusal_ends_a_login(status: int, code: str, final: bool) -> None:
    answer = read_tokens(reply({"error": code}, status), NOW)
    assert isinstance(answer, Failure)
    assert (answer.code, answer.final) == (code, final)


def test_an_echoed_refresh_token_is_hidden_and_control_characters_are_escaped() -> None:
    body = {"error": "invalid_token", "error_description": "Invalid refresh token: opaque-1234\x1b[2J"}
    answer = read_failure(reply(body, 401), NOW, "opaque-1234")
    assert "opaque-1234" not in answer.text
    assert "\x1b" not in answer.text
    assert "invalid_token" in answer.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        ("999999", 3600.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    assert retry_after_s(value, NOW) == expected


@pytest.mark.parametrize("value", [None, True, 0, -3, 1e300, float("nan"), "1.5", "", [], "9" * 20])
def test_no_number_of_seconds(value: object) -> None:
    assert seconds(value) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token", "error", "error_description"]


@given(
    status=st.integers(100, 599),
    body=st.binary() | st.dictionaries(st.sampled_from(KEYS), JSON | st.just("bearer")),
    wait=st.text(max_size=40),
)
def test_any_answer_has_a_meaning(status: int, body: Any, wait: str) -> None:
    answer = read_tokens(reply(body, status, **{"retry-after": wait}), NOW, "secret")
    assert isinstance(answer, Tokens | Failure)
    if isinstance(answer, Failure):
        assert answer.text.isprintable()


def test_reprs_show_no_secrets() -> None:
    tokens = Tokens("access-1", 1.0, "refresh-1", None, "id-1")
    shown = repr(tokens) + repr(Reply(200, {"set-cookie": "cookie-1"}, b"body-1"))
    assert not any(secret in shown for secret in ("access-1", "refresh-1", "id-1", "cookie-1", "body-1"))


@pytest.mark.parametrize(
    ("said", "life_s"),
    [
        ({}, None),
        ({"refresh_expires_in": 0}, None),  # Keycloak: no known end (KC#48063)
        ({"refresh_expires_in": 1800}, 1800.0),
        ({"refresh_token_expires_in": "15897600"}, 15897600.0),
        ({"refresh_expires_in": 0, "refresh_token_expires_in": 60}, 60.0),
        ({"refresh_expires_in": -1}, None),
        ({"refresh_expires_in": "soon"}, None),
    ],
)
def test_the_end_of_the_login(said: dict[str, Any], life_s: float | None) -> None:
    answer = read_tokens(reply({**GOOD, **said}), NOW)
    assert isinstance(answer, Tokens)
    assert answer.login_life_s == life_s
