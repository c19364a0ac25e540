"""A profile's token from the store, with an agent that can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import LoginRequired, NetworkError
from ctaclient.tokens.source import StoredToken
from ctaclient.tokens.token import AccessToken
from tests.support.clock import FakeClock
from tests.unit.tokens.conftest import a_record

if TYPE_CHECKING:
    from ctaclient.tokens.store import TokenStore


class Agent:
    """What the client knows of an agent: it may publish a token when it is asked."""

    def __init__(self, store: TokenStore, clock: FakeClock, *, lifetime_s: float | None = 600) -> None:
        self.store = store
        self.clock = clock
        self.lifetime_s = lifetime_s
        self.trouble: str | None = None
        self.asked: list[str] = []

    def __call__(self, profile: str) -> str | None:
        self.asked.append(profile)
        if self.lifetime_s is not None:
            self.publish(f"token-{len(self.asked) + 1}", self.lifetime_s)
        return self.trouble

    def publish(self, value: str, lifetime_s: float) -> None:
        self.store.publish(a_record(value, expires_at=self.clock.now() + lifetime_s), AccessToken(value))

    def end(self, reason: str | None = None) -> None:
        self.store.publish(a_record(state="login_required", reason=reason), None)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def agent(store: TokenStore, clock: FakeClock) -> Agent:
    return Agent(store, clock)


@pytest.fixture
def source(agent: Agent) -> StoredToken:
    return StoredToken(agent.store, "site", "https://site.example", agent, agent.clock)


def test_a_living_token_needs_no_agent(agent: Agent, source: StoredToken) -> None:
    agent.publish("token-1", 600)
    assert source.get(min_ttl_s=599).value == "token-1"
    assert agent.asked == []


def test_an_expired_token_is_renewed_by_the_agent(agent: Agent, source: StoredToken, clock: FakeClock) -> None:
    agent.publish("token-1", 600)
    clock.sleep(600)
    assert source.get().value == "token-2"
    assert agent.asked == ["site"]


def test_a_token_too_short_for_the_wish_is_renewed(agent: Agent, source: StoredToken) -> None:
    agent.publish("token-1", 60)
    assert source.get(min_ttl_s=300).value == "token-2"


def test_without_an_agent_an_expired_token_says_what_to_type(
    agent: Agent, source: StoredToken, clock: FakeClock
) -> None:
    agent.publish("token-1", 600)
    agent.lifetime_s = None
    clock.sleep(601)
    with pytest.raises(LoginRequired, match="the token from the login of profile site has expired") as caught:
        source.get()
    assert caught.value.hint == "ctaclient start-agent --profile site"


def test_a_wish_that_no_token_can_meet(agent: Agent, source: StoredToken) -> None:
    agent.publish("token-1", 600)
    with pytest.raises(LoginRequired, match="live 600 s, and never 3600 s"):
        source.get(min_ttl_s=3600)


def test_never_logged_in(source: StoredToken) -> None:
    with pytest.raises(LoginRequired, match="you are not logged in to profile site"):
        source.get()


def test_a_login_that_ended_says_why_and_asks_nobody(agent: Agent, source: StoredToken, clock: FakeClock) -> None:
    agent.publish("token-1", 600)
    agent.end("the identity provider says: session not active")
    assert source.get().value == "token-1"
    clock.sleep(600)
    with pytest.raises(LoginRequired, match="has ended: the identity provider says: session not active"):
        source.get()
    assert agent.asked == []


def test_a_login_that_ended_before_its_first_token_says_why_too(agent: Agent, source: StoredToken) -> None:
    agent.end("revoked")
    with pytest.raises(LoginRequired, match="the login of profile site has ended: revoked"):
        source.get()


def test_a_refused_token_is_replaced_from_the_store_first(agent: Agent, source: StoredToken) -> None:
    agent.publish("token-1", 600)
    refused = source.get()
    agent.publish("another", 600)
    assert source.replace(refused) == source.get()
    assert agent.asked == []


def test_a_refused_token_is_replaced_by_the_agent(agent: Agent, source: StoredToken) -> None:
    agent.publish("token-1", 600)
    replaced = source.replace(source.get())
    assert replaced is not None
    assert replaced.value == "token-2"
    assert agent.asked == ["site"]


def test_where_nobody_helps_there_is_no_other(agent: Agent, source: StoredToken) -> None:
    agent.publish("token-1", 600)
    agent.lifetime_s = None
    assert source.replace(source.get()) is None


def test_an_agent_that_gets_no_token_now_says_why(agent: Agent, source: StoredToken, clock: FakeClock) -> None:
    agent.publish("token-1", 600)
    agent.lifetime_s, agent.trouble = None, "the issuer cannot refresh now: HTTP 503"
    clock.sleep(601)
    with pytest.raises(
        NetworkError, match="no such token for profile site now: the issuer cannot refresh now: HTTP 503"
    ) as it:
        source.get()
    assert it.value.exit_code == 7
    assert it.value.retryable


def test_in_an_outage_a_token_that_lives_on_is_still_good(agent: Agent, source: StoredToken, clock: FakeClock) -> None:
    agent.publish("token-1", 600)
    agent.lifetime_s, agent.trouble = None, "the issuer cannot refresh now: HTTP 503"
    clock.sleep(500)
    assert source.get(min_ttl_s=99).value == "token-1"
    with pytest.raises(NetworkError, match="cannot refresh now: HTTP 503"):
        source.get(min_ttl_s=200)
