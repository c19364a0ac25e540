"""A client of one's own: what is asked for, what an answer means, which client a login is made with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.config.issuers import Habits
from ctaclient.errors import ConfigError, ConnectError, NetworkError
from ctaclient_agent.issuer.answers import Failure
from ctaclient_agent.issuer.discovery import Metadata
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.login.client import own_client
from ctaclient_agent.login.registration import Registration, describe_client, read_registration, registration_of
from ctaclient_agent.login.target import Target
from ctaclient_agent.logins.credentials import Login

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import FakeHttp
    from tests.support.clock import FakeClock

NOW = 1_700_000_000.0
ENDPOINT = "https://issuer.example/register"
METADATA = Metadata("https://issuer.example", "https://issuer.example/token", registration_endpoint=ENDPOINT)
TARGET = Target("mine", "https://issuer.example", None, "https://s.example", "openid", None, None, Habits())
GIVEN: dict[str, Any] = {
    "client_id": "own-1",
    "registration_client_uri": "https://issuer.example/register/own-1",
    "registration_access_token": "registration-1",
}
LOGIN = Login(
    profile="mine",
    issuer="https://issuer.example",
    generation=1,
    client_id="own-0",
    storage_url="https://s.example",
    scope_asked="openid",
    scope="openid",
    subject=None,
    ca_bundle=None,
    refresh_token="refresh-1",
    registered_for="device",
    registration_uri="https://issuer.example/register/own-0",
    registration_token="registration-0",
)
REFUSED = Reply(403, {}, b'{"error": "insufficient_scope", "error_description": "Policy \'Trusted Hosts\'"}')


def created(**more: Any) -> Reply:
    return Reply(201, {}, json.dumps({**GIVEN, **more}).encode())


def test_a_native_public_client_is_asked_for() -> None:
    assert describe_client(None, "node1", "openid", "device") == {
        "client_name": "ctaclient on node1",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        "response_types": [],
        "redirect_uris": [],
        "scope": "openid",
    }
    by_code = describe_client("oidc-agent:", "no\x1bde", "openid", "code")
    assert by_code["client_name"] == "oidc-agent:ctaclient on no\\x1bde"
    assert by_code["grant_types"][2:] == ["authorization_code"]
    assert (by_code["redirect_uris"], by_code["response_types"]) == (["http://127.0.0.1/callback"], ["code"])


def test_an_answer() -> None:
    found = read_registration(created(), "device", NOW)
    assert found == Registration("own-1", "device", None, None, GIVEN["registration_client_uri"], "registration-1")
    assert "registration-1" not in repr(found)


@pytest.mark.parametrize(
    ("more", "secret_expires_at"),
    [
        ({"client_secret": "s", "client_secret_expires_at": 0}, None),
        ({"client_secret": "s", "client_secret_expires_at": NOW + 9}, NOW + 9),
        ({"client_secret": "s"}, None),
        ({"client_secret": "s", "client_secret_expires_at": "soon"}, None),
        ({"client_secret_expires_at": NOW}, None),
    ],
)
def test_the_end_of_a_secret(more: dict[str, Any], secret_expires_at: float | None) -> None:
    found = read_registration(created(**more), "device", NOW)
    assert isinstance(found, Registration)
    assert found.secret_expires_at == secret_expires_at


@pytest.mark.parametrize(
    "more",
    [
        {"registration_client_uri": "http://issuer.example/register/own-1"},
        {"registration_client_uri": None},
        {"registration_access_token": None},
        {"registration_access_token": "a\r\nb"},
        {"registration_access_token": "a b"},
        {"registration_access_token": 7},
    ],
)
def test_without_both_a_place_and_a_token_it_cannot_be_deleted(more: dict[str, Any]) -> None:
    found = read_registration(created(**more), "device", NOW)
    assert isinstance(found, Registration)
    assert (found.uri, found.token) == (None, None)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (REFUSED, "insufficient_scope: Policy 'Trusted Hosts'"),
        (Reply(401, {}, b"<html>"), "HTTP 401"),
        (Reply(201, {}, b'{"client_id": ""}'), "no client id"),
        (Reply(201, {}, b'{"client_id": "a\\u001b[2J"}'), "no client id"),
        (Reply(201, {}, b"["), "HTTP 201"),
    ],
)
def test_a_refusal(reply: Reply, said: str) -> None:
    found = read_registration(reply, "device", NOW)
    assert isinstance(found, Failure)
    assert said in found.text


@given(
    st.binary(max_size=100)
    | st.dictionaries(
        st.sampled_from([*GIVEN, "client_secret", "client_secret_expires_at", "error"]),
        st.text() | st.integers() | st.floats() | st.none() | st.lists(st.text()),
    ).map(lambda document: json.dumps(document).encode()),
    st.sampled_from([200, 201, 400, 500]),
)
def test_any_answer_is_a_client_or_a_failure(body: bytes, status: int) -> None:
    found = read_registration(Reply(status, {}, body), "code", NOW)
    assert (found.client_id if isinstance(found, Registration) else found.text).isprintable()


def test_which_registration_serves_again() -> None:
    assert registration_of(LOGIN, "device", NOW) == Registration(
        "own-0", "device", None, None, LOGIN.registration_uri, "registration-0"
    )
    assert registration_of(LOGIN, "code", NOW) is None
    for_both = registration_of(replace(LOGIN, registered_for="code"), "device", NOW)
    assert for_both is not None
    assert for_both.flow == "code"
    assert registration_of(replace(LOGIN, registered_for=None), "device", NOW) is None
    for end, usable in ((NOW + 10_000, True), (NOW + 60, False), (NOW - 60, False)):
        ending = replace(LOGIN, client_secret="s", client_secret_expires_at=end)
        assert (registration_of(ending, "device", NOW) is not None) == usable


@pytest.mark.parametrize(
    ("habits", "answers", "client_id", "asked"),
    [
        (Habits(), [created()], "own-1", 1),
        (Habits(client_id="public"), [created()], "public", 0),
        (Habits(client_id="public", registration=True), [created()], "own-1", 1),
        (Habits(client_id="public", registration=True), [REFUSED], "public", 1),
        (Habits(client_id="public", registration=True), [ConnectError("c")], "public", 1),
        (Habits(client_id="public", registration=False), [created()], "public", 0),
        (Habits(), [Reply(400, {}, b'{"error": "invalid_client_metadata"}'), created()], "own-1", 2),
    ],
)
def test_which_client_is_taken(
    fake_http: Callable[..., FakeHttp],
    clock: FakeClock,
    habits: Habits,
    answers: list[Reply | NetworkError],
    client_id: str,
    asked: int,
) -> None:
    http = fake_http(*answers)
    client = own_client(replace(TARGET, habits=habits), None, METADATA, "device", http, clock)
    assert client.auth.client_id == client_id
    assert client.is_new == (client_id == "own-1")
    assert len(http.asked) == asked
    assert ["scope" in document for _, document, _ in http.asked] == [True, False][:asked]


def test_the_last_one_is_taken_again_without_a_word(fake_http: Callable[..., FakeHttp], clock: FakeClock) -> None:
    http = fake_http(created())
    client = own_client(TARGET, LOGIN, METADATA, "device", http, clock)
    assert (client.auth.client_id, client.is_new, http.asked) == ("own-0", False, [])


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (REFUSED, ConfigError, "did not register one: insufficient_scope"),
        (ConnectError("no route"), ConnectError, "no route"),
    ],
)
def test_no_client_at_all(
    fake_http: Callable[..., FakeHttp], clock: FakeClock, answer: Reply | NetworkError, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        own_client(TARGET, None, METADATA, "device", fake_http(answer), clock)
    for habits, metadata in (
        (Habits(registration=False), METADATA),
        (Habits(), replace(METADATA, registration_endpoint=None)),
    ):
        with pytest.raises(ConfigError, match="registers nobody") as caught:
            own_client(replace(TARGET, habits=habits), None, metadata, "device", fake_http(answer), clock)
        assert "--client-id" in str(caught.value.hint)
