"""No secret survives, wherever a log might have it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient._util.redact import fingerprint, redact, safe_url
from tests.unit.conftest import BEARER_TOKENS, jwt

# {t}: the token as it is; {q}: percent-encoded.
PLACES = (
    "Authorization: Bearer {t}",
    "authorization: bearer {t}\r\nHost: door",
    "Authorization:Basic {t}",
    "Proxy-Authorization: Basic {t}",
    "TransferHeaderAuthorization: Bearer {t}",
    "{{'Authorization': 'Bearer {t}', 'Depth': '1'}}",
    "[(b'Authorization', b'Bearer {t}'), (b'Depth', b'1')]",
    "Headers([('authorization', 'Bearer {t}')])",
    "curl -H 'Authorization: Bearer {t}' https://door/",
    "the door said: Bearer {t} has expired",
    "GET /a?authz=Bearer%20{q}&x=1 HTTP/1.1",
    "GET /a?authz={q} HTTP/1.1",
    "307 https://pool:20000/a?dcache-http-uuid={q}",
    "https://door/a?x=1&access_token={q}",
    "https://data/a?xrdhttptk={q}&xrdhttptime=1",
    "grant_type=refresh_token&refresh_token={q}&client_id=cta",
    "client_id=cta&client_secret={q}",
    "token={q}&token_type_hint=refresh_token",
    "client_assertion_type=jwt&client_assertion={q}",
    "grant_type=password&username=me&password={q}",
    "code_verifier={q}&code=1",
    "subject_token={q}",
    "BEARER_TOKEN={t}",
    '{{"access_token": "{t}", "expires_in": 300}}',
    '{{"access_token":"{t}","refresh_token":"{t}","id_token":"{t}"}}',
    "{{'refresh_token': '{t}'}}",
    '{{"device_code": "{t}", "user_code": "ABCD"}}',
    r'"{{\"access_token\": \"{t}\"}}"',
    "connecting to http://me:{q}@proxy:3128/",
    "HTTPS_PROXY=https://{q}@proxy:3128",
)


@given(token=BEARER_TOKENS)
@pytest.mark.parametrize("place", PLACES)
def test_no_token_survives(place: str, token: str) -> None:
    shown = redact(place.format(t=token, q=quote(token, safe="")))
    assert token not in shown
    assert quote(token, safe="") not in shown


@given(claims=st.dictionaries(st.text(), st.text() | st.integers(), max_size=6))
@pytest.mark.parametrize("place", ["{}", "Invalid refresh token: {}", "token '{}' is expired", "<p>{}</p>", "\n{}\n"])
def test_a_jwt_is_known_wherever_it_stands(place: str, claims: dict[str, str | int]) -> None:
    token = jwt(**{"sub": "me", **claims})
    shown = redact(place.format(token))
    assert not any(part in shown for part in token.split("."))


@given(secret=BEARER_TOKENS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_secret_that_is_named_is_hidden_in_any_text(secret: str, before: str, after: str) -> None:
    assert secret not in redact(f"{before}{secret}{after}", secret)


@given(secret=BEARER_TOKENS)
def test_a_named_secret_is_hidden_in_its_url_form_too(secret: str) -> None:
    assert quote(secret, safe="") not in redact(f"GET /{quote(secret, safe='')}", secret)


def test_several_secrets_and_missing_ones() -> None:
    assert redact("one two three", "one", None, "", "three") == "[hidden] two [hidden]"


@pytest.mark.parametrize(
    "text",
    [
        "cannot list /data/run1.fits: 404 not found",
        "https://door.example:2880/a@b/c?d=e",
        "the token expired 3 h ago",
        "cannot get a token: connection refused",
        "refresh_token_expires_in=300",
        "password-less login is off",
        "2025-01-01 00:00:00 ctaclient GET https://door:2880/a: 200",
    ],
)
def test_plain_text_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_any_text_can_be_redacted_twice(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_long_texts_take_no_long_time() -> None:
    for part in ("Bearer ", "eyJ", "access_token=", "://", "a:b@", "Authorization:"):
        redact(part * 20_000)


@given(st.text(min_size=1))
def test_a_fingerprint_is_short_and_tells_nothing(secret: str) -> None:
    assert fingerprint(secret) == fingerprint(secret)
    assert len(fingerprint(secret)) == 12


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://door:2880/a/b?authz=x#y", "https://door:2880/a/b"),
        ("https://me:secret@door/a", "https://door/a"),
        ("https://me:p@ss@door/a", "https://door/a"),
        ("https://[::1]:20000/a?dcache-http-uuid=1", "https://[::1]:20000/a"),
    ],
)
def test_safe_url(url: str, shown: str) -> None:
    assert safe_url(url) == shown
