"""Tokens for less than the whole login: got once, kept apart, never wider than asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient.client import Client
from ctaclient.control.messages import Request
from ctaclient.errors import AgentError, IssuerError, LoginRequired, ProtocolError, UsageError
from ctaclient.tokens.scoped import TokenRequest
from ctaclient.tokens.token import claims
from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.issuer.narrowing import is_too_wide, wanted_form
from tests.unit.conftest import jwt

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome

READ = "storage.read:/"
ALL = f"openid offline_access {READ} storage.modify:/"


@pytest.fixture
def home(agent_home: AgentHome) -> AgentHome:
    done = agent_home.start(*agent_home.arguments(), "--scope", ALL)
    assert done.exit_code == 0, done.stderr
    return agent_home


def test_a_narrower_token_costs_one_request_and_the_login_goes_on(home: AgentHome) -> None:
    client = Client(environ=home.environ)
    whole, requests = client.token(), home.token_requests()
    narrow = client.token(scope=READ)
    assert home.token_requests() == requests + 1
    assert set(str(claims(narrow.value)["scope"]).split()) == {READ}
    assert client.token(scope=f" {READ} {READ} ") == narrow
    assert Client(environ=home.environ).token(scope=READ, min_ttl_s=100) == narrow
    assert home.token_requests() == requests + 1
    audience = client.token(audience="https://other.example")
    assert claims(audience.value)["aud"] == "https://other.example"
    assert home.token_requests() == requests + 2

    assert client.token() == whole
    facts = home.facts()
    assert (facts["state"], facts["last_error"]) == ("fresh", None)
    record = home.store.record("localhost")
    assert record is not None
    assert record.generation == 3
    files = list(home.store.scoped("localhost").directory.rglob("*"))
    assert files
    assert all(path.lstat().st_mode & 0o077 == 0 for path in files)


def test_who_wants_more_life_than_there_is_does_not_get_it_by_asking_again(home: AgentHome) -> None:
    client = Client(environ=home.environ)
    client.token(scope=READ)
    requests = home.token_requests()
    for _ in range(5):
        with pytest.raises(LoginRequired, match="lives"):
            client.token(scope=READ, min_ttl_s=100_000)
    assert home.token_requests() == requests


def test_what_the_issuer_refuses_is_said_and_the_login_goes_on(home: AgentHome) -> None:
    client = Client(environ=home.environ)
    with pytest.raises(IssuerError, match="no such token"):
        client.token(scope="storage.everything:/")
    assert home.facts()["state"] == "fresh"
    assert client.token(scope=READ).value


def test_those_that_ended_are_cleared_away(home: AgentHome) -> None:
    client, store = Client(environ=home.environ), home.store.scoped("localhost")
    client.token(scope=READ)
    (key,) = store.profiles()
    record = store.record(key)
    assert record is not None
    store.publish(replace(record, expires_at=record.issued_at - 2 * 86_400), None)
    client.token(audience="https://other.example")
    assert key not in store.profiles()
    assert len(store.profiles()) == 1


def test_another_login_forgets_them(home: AgentHome) -> None:
    client = Client(environ=home.environ)
    before = client.token(scope=READ)
    home.ask(Request("stop"))
    home.vault().sealed_file("localhost").unlink()
    assert home.start().exit_code == 0
    assert client.token(scope=READ) != before


def test_a_logout_forgets_them(home: AgentHome) -> None:
    Client(environ=home.environ).token(scope=READ)
    directory = home.store.scoped("localhost").directory
    assert list(directory.iterdir())
    assert home.run("logout").returncode == 0
    assert not directory.exists()


def test_without_an_agent_what_is_there_can_be_used(home: AgentHome) -> None:
    client = Client(environ=home.environ)
    narrow = client.token(scope=READ)
    home.end()
    assert client.token(scope=READ) == narrow
    with pytest.raises(AgentError, match="no agent runs"):
        client.token(audience="https://other.example")


def test_nonsense(home: AgentHome) -> None:
    for request in (Request("token"), Request("token", "../x", READ)):
        with pytest.raises(ProtocolError, match="needs the name"):
            home.ask(request)
    with pytest.raises(UsageError, match="not usable"):
        home.ask(Request("token", "localhost", "\x1b[2J"))
    with pytest.raises(LoginRequired):
        home.ask(Request("token", "nobody", READ))


@pytest.mark.parametrize(
    ("request_", "form"),
    [
        (TokenRequest.of("b a b", None), {"scope": "a b"}),
        (TokenRequest.of(None, "https://s/x"), {"audience": "https://s/x", "resource": "https://s/x"}),
        (TokenRequest.of("a", "dcache"), {"scope": "a", "audience": "dcache"}),
        (TokenRequest.of(None, "https://s/#x"), {"audience": "https://s/#x"}),
    ],
)
def test_what_is_asked(request_: TokenRequest, form: dict[str, str]) -> None:
    assert wanted_form(request_) == form


def test_what_an_issuer_of_one_word_is_asked() -> None:
    uri, name = TokenRequest.of(None, "https://s/x"), TokenRequest.of(None, "dcache")
    assert wanted_form(uri, "audience") == {"audience": "https://s/x"}
    assert wanted_form(uri, "resource") == {"resource": "https://s/x"}
    assert wanted_form(name, "audience") == {"audience": "dcache"}


@pytest.mark.parametrize(
    ("token", "answered", "wide"),
    [
        ({"scope": "a", "aud": "https://s"}, None, False),
        ({"scope": "a openid", "aud": "https://s"}, None, False),
        ({"scope": "a b", "aud": "https://s"}, None, True),
        ({"scope": ["a", "b"], "aud": "https://s"}, None, True),
        ({"scp": ["a", "b"], "aud": "https://s"}, None, True),
        ({"aud": "https://s"}, "a b", True),
        ({"scope": "a"}, None, True),
        ({"aud": ["https://s"]}, "a", False),
        ({"aud": ["https://s", "https://t"]}, "a", True),
        ({"aud": "any"}, "a", True),
    ],
)
def test_a_wider_token_is_recognised(token: dict[str, Any], answered: str | None, wide: bool) -> None:
    tokens = Tokens(jwt(**token), 60.0, scope=answered)
    assert bool(is_too_wide(tokens, TokenRequest.of("a", "https://s"))) == wide


def test_a_key_is_the_same_for_the_same_wish() -> None:
    keys = {TokenRequest.of(scope, None).key() for scope in ("a b", "b  a", " b a a")}
    assert len(keys) == 1
    others = {TokenRequest.of(scope, audience).key() for scope, audience in (("a", None), (None, "a"), ("a", "b"))}
    assert len(others | keys) == 4
