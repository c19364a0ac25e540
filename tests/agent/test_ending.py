"""How a login is ended at its issuer, played without a network."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient.errors import ConnectError, IssuerError, NetworkError, ServerError
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.login.ending import end_login
from ctaclient_agent.logins.credentials import Login

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import FakeHttp
    from tests.support.clock import FakeClock

ISSUER = "https://issuer.example"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
LOGIN = Login(
    profile="mine",
    issuer=ISSUER,
    generation=1,
    client_id="client",
    storage_url="https://storage.example",
    scope_asked="openid",
    scope="openid",
    subject=None,
    ca_bundle=None,
    refresh_token="refresh-1",
)
OWN = replace(LOGIN, registration_uri=f"{ISSUER}/register/client", registration_token="registration-1")


def document(**more: Any) -> Reply:
    return Reply(200, {}, json.dumps({"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token", **more}).encode())


@pytest.fixture
def http(fake_http: Callable[..., FakeHttp]) -> Callable[..., FakeHttp]:
    """An issuer with a revocation endpoint, which gives these answers."""

    def make(*answers: Reply | NetworkError) -> FakeHttp:
        made = fake_http(*answers)
        made.documents[DISCOVERY] = document(revocation_endpoint=f"{ISSUER}/revoke")
        return made

    return make


def test_both_tokens_are_revoked(http: Callable[..., FakeHttp], clock: FakeClock) -> None:
    issuer = http(Reply(200, {}, b""))
    assert end_login(LOGIN, "access-1", issuer, clock).trouble is None
    assert [(url, form) for url, form, _ in issuer.asked] == [
        (f"{ISSUER}/revoke", {"client_id": "client", "token": "refresh-1", "token_type_hint": "refresh_token"}),
        (f"{ISSUER}/revoke", {"client_id": "client", "token": "access-1", "token_type_hint": "access_token"}),
    ]


def test_a_confidential_client_proves_itself(http: Callable[..., FakeHttp], clock: FakeClock) -> None:
    issuer = http(Reply(200, {}, b""))
    end_login(replace(LOGIN, client_secret="secret"), None, issuer, clock)
    ((_, form, headers),) = issuer.asked
    assert "client_secret" not in form
    assert headers["Authorization"].startswith("Basic ")


def test_a_registered_client_is_deleted_after_its_tokens(http: Callable[..., FakeHttp], clock: FakeClock) -> None:
    issuer = http(Reply(200, {}, b""), Reply(204, {}, b""))
    ending = end_login(OWN, None, issuer, clock)
    assert (ending.trouble, ending.client_left) == (None, None)
    assert issuer.asked[-1] == (f"{ISSUER}/register/client", {}, {"Authorization": "Bearer registration-1"})


@pytest.mark.parametrize("status", [401, 404])
def test_a_client_that_has_been_gone_is_no_trouble(
    http: Callable[..., FakeHttp], clock: FakeClock, status: int
) -> None:
    ending = end_login(OWN, None, http(Reply(200, {}, b""), Reply(status, {}, b"")), clock)
    assert (ending.trouble, ending.client_left) == (None, None)


@pytest.mark.parametrize("status", [401, 404])
def test_a_client_that_cannot_be_found_ends_no_refresh_token(
    http: Callable[..., FakeHttp], clock: FakeClock, status: int
) -> None:
    ending = end_login(OWN, None, http(Reply(503, {}, b""), Reply(status, {}, b"")), clock)
    assert type(ending.trouble) is ServerError
    assert ending.client_left is None


def test_a_client_that_stays_is_told_and_an_echoed_token_is_not(
    http: Callable[..., FakeHttp], clock: FakeClock
) -> None:
    refusal = Reply(403, {}, b'{"error": "access_denied", "error_description": "no, registration-1\\u001b[2J"}')
    ending = end_login(OWN, None, http(Reply(200, {}, b""), refusal), clock)
    assert ending.trouble is None
    assert ending.client_left is not None
    assert ending.client_left.startswith("access_denied: no, ")
    assert "registration-1" not in ending.client_left
    assert "\x1b" not in ending.client_left


def test_with_its_client_a_refresh_token_ends_too(http: Callable[..., FakeHttp], clock: FakeClock) -> None:
    broken = Reply(400, {}, b'{"error": "unsupported_token_type"}')
    assert end_login(OWN, None, http(broken, Reply(204, {}, b"")), clock).trouble is None


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (ConnectError("no route"), ConnectError, "no route"),
        (Reply(503, {"retry-after": "3600"}, b""), ServerError, "HTTP 503, and asks to try again in 3600 s"),
        (Reply(503, {}, b""), ServerError, "HTTP 503"),
        (Reply(400, {}, b'{"error": "unsupported_token_type"}'), IssuerError, "unsupported_token_type"),
        (Reply(302, {"location": "https://elsewhere.example"}, b""), IssuerError, "HTTP 302"),
        (
            Reply(400, {}, b'{"error": "x", "error_description": "refresh-1"}'),
            IssuerError,
            "did not revoke it: x: [hidden]",
        ),
    ],
)
def test_what_was_not_done_is_said(
    http: Callable[..., FakeHttp], clock: FakeClock, answer: Reply | NetworkError, kind: type[Exception], said: str
) -> None:
    trouble = end_login(LOGIN, "access-1", http(answer), clock).trouble
    assert type(trouble) is kind
    assert said in str(trouble)
    assert clock.passed == 0


def test_a_short_wait_is_kept_once(http: Callable[..., FakeHttp], clock: FakeClock) -> None:
    busy = Reply(503, {"retry-after": "2"}, b"")
    assert end_login(LOGIN, None, http(busy, Reply(200, {}, b"")), clock).trouble is None
    assert clock.passed == 2
    assert end_login(LOGIN, None, http(busy), clock).trouble is not None
    assert clock.passed == 4


def test_an_issuer_without_revocation(fake_http: Callable[..., FakeHttp], clock: FakeClock) -> None:
    issuer = fake_http(Reply(200, {}, b""))
    issuer.documents[DISCOVERY] = document()
    trouble = end_login(LOGIN, None, issuer, clock).trouble
    assert type(trouble) is IssuerError
    assert "offers no revocation" in str(trouble)
    assert issuer.asked == []
