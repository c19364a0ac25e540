"""Where an issuer's endpoints are, and what is not believed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import CtaError, IssuerError, ServerError
from ctaclient_agent.issuer.discovery import Discovery, discover, is_https, parse_metadata, well_known_urls
from ctaclient_agent.issuer.http import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import FakeHttp

ISSUER = "https://issuer.example/realms/a"
GOOD: dict[str, Any] = {
    "issuer": ISSUER,
    "token_endpoint": "https://issuer.example/token",
    "device_authorization_endpoint": "https://issuer.example/device",
    "jwks_uri": "https://issuer.example/jwks",
    "code_challenge_methods_supported": ["plain", "S256"],
}


def reply(document: Any, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(document).encode())


def test_places() -> None:
    assert well_known_urls("https://issuer.example/realms/a/") == (
        "https://issuer.example/realms/a/.well-known/openid-configuration",
        "https://issuer.example/.well-known/oauth-authorization-server/realms/a",
    )
    assert well_known_urls("https://h:8443")[1] == "https://h:8443/.well-known/oauth-authorization-server"


def test_what_may_be_missing() -> None:
    bare = parse_metadata(reply(GOOD), ISSUER)
    names = ("authorization_endpoint", "registration_endpoint", "revocation_endpoint")
    assert [getattr(bare, name) for name in names] == [None, None, None]
    assert not bare.names_itself_in_redirects
    more = {name: f"https://issuer.example/{name}" for name in names}
    full = parse_metadata(reply({**GOOD, **more, "authorization_response_iss_parameter_supported": True}), ISSUER)
    assert {name: getattr(full, name) for name in names} == more
    assert full.names_itself_in_redirects
    for name in names:
        with pytest.raises(IssuerError, match=f"no https address as {name}"):
            parse_metadata(reply({**GOOD, name: "http://issuer.example/"}), ISSUER)


@pytest.mark.parametrize(("asked", "said"), [(ISSUER, ISSUER), (ISSUER + "/", ISSUER), (ISSUER, ISSUER + "/")])
def test_one_slash_is_forgiven_and_the_providers_spelling_kept(asked: str, said: str) -> None:
    assert parse_metadata(reply({**GOOD, "issuer": said}), asked).issuer == said


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://other.example"},
        {"issuer": ISSUER + "//"},
        {"issuer": None},
        {"token_endpoint": "http://issuer.example/token"},
        {"token_endpoint": None},
        {"device_authorization_endpoint": "http://issuer.example/d"},
        {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": "https://user@issuer.example/token"},
    ],
)
def test_broken_documents(change: dict[str, Any]) -> None:
    with pytest.raises(IssuerError):
        parse_metadata(reply({**GOOD, **change}), ISSUER)


@pytest.mark.parametrize(
    ("status", "kind"), [(503, ServerError), (429, ServerError), (301, IssuerError), (404, IssuerError)]
)
def test_statuses(status: int, kind: type[CtaError]) -> None:
    with pytest.raises(kind):
        parse_metadata(reply({}, status), ISSUER)


def test_second_place_on_404_only_and_cache(fake_http: Callable[..., FakeHttp]) -> None:
    http, discovery = fake_http(), Discovery()
    with pytest.raises(IssuerError):
        discover(ISSUER, http)
    http.documents[well_known_urls(ISSUER)[1]] = reply(GOOD)
    first = discovery.look_up(ISSUER, http)
    assert first.pkce_methods == ("plain", "S256")
    http.documents.clear()
    assert discovery.look_up(ISSUER, http) is first
    discovery.forget(ISSUER)
    with pytest.raises(IssuerError):
        discovery.look_up(ISSUER, http)
    http.documents[well_known_urls(ISSUER)[0]] = reply({}, 500)
    http.documents[well_known_urls(ISSUER)[1]] = reply(GOOD)
    with pytest.raises(ServerError):
        discover(ISSUER, http)


def test_https_cannot_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with pytest.raises(IssuerError):
        parse_metadata(reply({**GOOD, "token_endpoint": "http://issuer.example/token"}), ISSUER)


@given(
    status=st.sampled_from([200, 404, 500]),
    body=st.binary() | st.text().map(lambda text: json.dumps({"issuer": text}).encode()),
)
def test_any_document_is_understood_or_refused(status: int, body: bytes) -> None:
    with pytest.raises((IssuerError, ServerError)):
        parse_metadata(Reply(status, {}, body), ISSUER)


@given(st.text())
def test_an_https_address_can_be_shown(text: str) -> None:
    if is_https(text) or is_https(f"https://{text}"):
        assert text.isprintable()
        assert not set(text) & set(" \"'`") - {"'"}
