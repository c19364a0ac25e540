"""Tokens of an oidc-agent: asked for seldom, believed little."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import AgentError, CtaError, LoginRequired
from ctaclient.tokens.oidc_agent import FORCE_NEW, MARGIN_S, OidcAgentToken
from ctaclient.tokens.token import AccessToken
from tests.support.clock import FakeClock
from tests.unit.conftest import NOW, jwt

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUER = "https://iam.example"


class OidcAgent:
    """As version 4: gives what it has if that lives long enough, else something new; `FORCE_NEW` is always new."""

    def __init__(self, clock: FakeClock, lifetime_s: float = 300) -> None:
        self.clock = clock
        self.lifetime_s = lifetime_s
        self.asked: list[dict[str, object]] = []
        self.issued = 1
        self.ends_at = clock.now() + lifetime_s
        self.trouble: Exception | None = None
        self.changes: dict[str, object] = {}

    def __call__(self, request: Mapping[str, object]) -> dict[str, Any]:
        self.asked.append(dict(request))
        if self.trouble:
            raise self.trouble
        period = request["min_valid_period"]
        assert isinstance(period, int)
        if period == FORCE_NEW or self.ends_at - self.clock.now() < period:
            self.issued += 1
            self.ends_at = self.clock.now() + self.lifetime_s
        return {
            "status": "success",
            "access_token": f"token-{self.issued}",
            "issuer": f"{ISSUER}/",
            "expires_at": int(self.ends_at),
            **self.changes,
        }


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def agent(clock: FakeClock) -> OidcAgent:
    return OidcAgent(clock)


@pytest.fixture
def source(agent: OidcAgent, clock: FakeClock) -> OidcAgentToken:
    return OidcAgentToken("here", ISSUER, agent, clock)


def test_what_is_asked(source: OidcAgentToken, agent: OidcAgent) -> None:
    assert source.get() == AccessToken("token-1", NOW + 300)
    assert agent.asked == [
        {"request": "access_token", "account": "here", "min_valid_period": MARGIN_S, "application_hint": "ctaclient"}
    ]
    assert source.file is None
    assert source.cure == "oidc-add here"


def test_it_is_kept_until_near_its_end(source: OidcAgentToken, agent: OidcAgent, clock: FakeClock) -> None:
    source.get()
    clock.sleep(300 - MARGIN_S - 1)
    assert source.get().value == "token-1"
    assert len(agent.asked) == 1
    clock.sleep(2)
    assert source.get().value == "token-2"
    assert len(agent.asked) == 2


@pytest.mark.parametrize("lifetime_s", [3, 30, 90])
def test_tokens_of_a_short_life_make_no_storm(clock: FakeClock, lifetime_s: int) -> None:
    agent = OidcAgent(clock, lifetime_s)
    source = OidcAgentToken("here", None, agent, clock)
    for _ in range(1000):
        assert source.get().ttl_s(clock.now()) > 0
        clock.sleep(lifetime_s / 100)
    assert len(agent.asked) <= 20


def test_a_wanted_life(source: OidcAgentToken, agent: OidcAgent, clock: FakeClock) -> None:
    source.get()
    clock.sleep(100)
    assert source.get(min_ttl_s=150).value == "token-1"
    assert source.get(min_ttl_s=250.5).value == "token-2"
    assert agent.asked[-1]["min_valid_period"] == 251
    with pytest.raises(LoginRequired, match="lives 300 s more, 1000 s are wanted"):
        source.get(min_ttl_s=1000)


def test_a_token_without_an_end_is_not_kept_for_ever(
    source: OidcAgentToken, agent: OidcAgent, clock: FakeClock
) -> None:
    agent.changes = {"expires_at": 0}
    assert source.get().expires_at is None
    assert len(agent.asked) == 1
    clock.sleep(MARGIN_S - 1)
    source.get()
    assert len(agent.asked) == 1
    clock.sleep(2)
    source.get()
    assert len(agent.asked) == 2


def test_the_end_that_the_token_names_itself(source: OidcAgentToken, agent: OidcAgent) -> None:
    agent.changes = {"access_token": jwt(exp=NOW + 77), "expires_at": 0}
    assert source.get().expires_at == NOW + 77


def test_another_after_a_refusal(source: OidcAgentToken, agent: OidcAgent) -> None:
    one = source.get()
    two = source.replace(one)
    assert two == AccessToken("token-2", NOW + 300)
    assert [each["min_valid_period"] for each in agent.asked] == [MARGIN_S, MARGIN_S, FORCE_NEW]
    assert source.get() == two
    assert source.replace(one) == two  # somebody else's refusal of the first: nothing new is made
    assert agent.issued == 2


def test_no_other_after_a_refusal(source: OidcAgentToken, agent: OidcAgent) -> None:
    agent.changes = {"access_token": "always-the-same"}
    assert source.replace(source.get()) is None


@pytest.mark.parametrize("trouble", [LoginRequired("no oidc-agent runs"), AgentError("oidc-agent did not answer")])
def test_it_is_served_while_valid_whatever_happens_to_oidc_agent(
    source: OidcAgentToken, agent: OidcAgent, clock: FakeClock, trouble: Exception
) -> None:
    agent.trouble = trouble
    with pytest.raises(type(trouble)):
        source.get()
    agent.trouble = None
    source.get()
    agent.trouble = trouble
    clock.sleep(299)
    assert source.get().value == "token-1"
    with pytest.raises(type(trouble)):
        source.get(min_ttl_s=10)
    clock.sleep(2)
    with pytest.raises(type(trouble)):
        source.get()


def test_many_threads_ask_once(clock: FakeClock) -> None:
    together = threading.Barrier(8)
    agent = OidcAgent(clock)
    source = OidcAgentToken("here", None, agent, clock)

    def get(_: int) -> str:
        together.wait()
        return source.get().value

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(get, range(8))) == {"token-1"}
    assert len(agent.asked) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "no token, and no word why"),
        ({"status": "failure", "error": "No account configured with that short name"}, "No account configured"),
        ({"status": "failure", "access_token": "token"}, "no token"),
        ({"status": "success", "access_token": 7, "issuer": ISSUER}, "no token"),
        ({"status": "success", "access_token": None, "issuer": ISSUER}, "no token"),
        ({"status": "success", "access_token": "two words", "issuer": ISSUER}, "does not hold an access token"),
        ({"status": "success", "access_token": " ", "issuer": ISSUER}, "is empty"),
        ({"status": "success", "access_token": "x", "issuer": "https://evil.example"}, "is of another issuer"),
        ({"status": "success", "access_token": "x", "issuer": None}, "is of another issuer"),
        ({"status": "success", "access_token": "x", "issuer": ISSUER, "expires_at": 1}, "has expired"),
        (
            {"status": "failure", "error": "a\x1b[2J\nb refresh_token=secret"},
            r"a\\x1b\[2J\\nb refresh_token=\[hidden\]",
        ),
    ],
)
def test_an_answer_that_is_none(clock: FakeClock, answer: dict[str, Any], said: str) -> None:
    source = OidcAgentToken("here", ISSUER, lambda _: answer, clock)
    with pytest.raises(LoginRequired, match=said) as caught:
        source.get()
    assert "oidc-agent's account here" in str(caught.value)
    assert caught.value.hint is not None
    assert "secret" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "status": st.just("success") | JSON,
            "access_token": st.just("token") | JSON,
            "issuer": st.just(ISSUER) | JSON,
            "expires_at": st.integers(0, 2_000_000_000) | JSON,
            "error": JSON,
        },
    )
)
def test_any_answer_is_a_token_or_one_error(answer: dict[str, Any]) -> None:
    source = OidcAgentToken("here", ISSUER, lambda _: answer, FakeClock())
    error: CtaError | None = None
    try:
        token = source.get()
    except CtaError as raised:
        error = raised
    if error:
        assert str(error).isprintable()
    else:
        assert token.value == answer["access_token"].strip()
        assert token.ttl_s(NOW) > 0


def test_an_account_with_an_odd_name(clock: FakeClock) -> None:
    source = OidcAgentToken("a b\x1b$(x)", None, lambda _: {}, clock)
    with pytest.raises(LoginRequired) as caught:
        source.get()
    assert str(caught.value).isprintable()
    assert (caught.value.hint or "").startswith("oidc-add 'a b")
