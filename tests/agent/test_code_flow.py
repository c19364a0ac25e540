"""The authorization code flow, played without a network and without a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import IssuerError, NetworkError, Timeout
from ctaclient_agent.issuer.discovery import Metadata
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.login.code_flow import (
    LIFE_S,
    Browse,
    CodeRequest,
    Listen,
    authorization_url,
    code_flow,
    read_redirect,
)
from ctaclient_agent.login.device import Post, Refused

if TYPE_CHECKING:
    from ctaclient_agent.issuer.answers import Tokens
    from tests.support.clock import FakeClock

REQUEST = CodeRequest(
    client_id="client",
    scope="openid offline_access",
    redirect_uri="http://127.0.0.1:1234/callback",
    state="state-1",
    verifier="verifier-1",
    challenge="challenge-1",
)
ISSUER = Metadata(
    issuer="https://issuer.example",
    token_endpoint="https://issuer.example/token",
    authorization_endpoint="https://issuer.example/authorize",
)
NAMING = Metadata(
    issuer=ISSUER.issuer,
    token_endpoint=ISSUER.token_endpoint,
    authorization_endpoint=ISSUER.authorization_endpoint,
    names_itself_in_redirects=True,
)
DONE = Reply(200, {}, json.dumps({"access_token": "t", "token_type": "Bearer", "refresh_token": "r"}).encode())


def play(
    clock: FakeClock, query: str | None, answer: Reply | NetworkError, metadata: Metadata = ISSUER
) -> tuple[Tokens, list[Any]]:
    """Run the flow; the tokens and every step."""
    flow, steps = code_flow(REQUEST, metadata, clock), []
    step = next(flow)
    while True:
        steps.append(step)
        try:
            step = flow.send(query if isinstance(step, Listen) else answer if isinstance(step, Post) else None)
        except StopIteration as end:
            return end.value, steps


def test_a_login(clock: FakeClock) -> None:
    tokens, (browse, listen, post) = play(clock, "code=code-1&state=state-1", DONE)
    assert tokens.refresh_token == "r"
    assert isinstance(browse, Browse)
    asked = parse_qs(urlsplit(browse.url).query)
    assert browse.url.startswith("https://issuer.example/authorize?")
    assert asked == {
        "response_type": ["code"],
        "client_id": ["client"],
        "redirect_uri": [REQUEST.redirect_uri],
        "scope": ["openid offline_access"],
        "state": ["state-1"],
        "code_challenge": ["challenge-1"],
        "code_challenge_method": ["S256"],
        "prompt": ["consent"],
    }
    assert listen == Listen(LIFE_S)
    assert post.endpoint == "token"
    assert post.form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": REQUEST.redirect_uri,
        "code_verifier": "verifier-1",
    }
    assert "verifier-1" not in browse.url
    assert "1" not in repr(REQUEST).replace("127.0.0.1:1234", "")


def test_nobody_approves(clock: FakeClock) -> None:
    with pytest.raises(IssuerError, match="within 5 min") as caught:
        play(clock, None, DONE)
    assert "--flow device" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("code=c&state=other", "does not belong"),
        ("code=c", "does not belong"),
        ("code=c&state=state-1&state=state-1", "does not belong"),
        ("code=c&code=d&state=state-1", "does not belong"),
        ("state=state-1", "without a code"),
        ("code=&state=state-1", "without a code"),
        ("code=%1b%5b2J&state=state-1", "without a code"),
        (f"code={'c' * 5000}&state=state-1", "without a code"),
        ("error=access_denied&state=state-1", "denied"),
        ("error=access_denied&state=other", "does not belong"),
        ("error=server_error&error_description=%1b%5d0%3bx%07&state=state-1", r"server_error: \\x1b\]0;x\\x07"),
        ("code=c&state=state-1&iss=https%3A%2F%2Fevil.example", "another issuer: https://evil.example"),
        ("code=c&state=state-1&iss=https%3A%2F%2Fissuer.example%2F", "another issuer"),
        ("", "does not belong"),
        ("&".join(f"a{n}=1" for n in range(200)), "does not belong"),
    ],
)
def test_answers_that_are_none(clock: FakeClock, query: str, said: str) -> None:
    with pytest.raises(IssuerError, match=said) as caught:
        play(clock, query, DONE)
    assert str(caught.value).isprintable()


def test_an_issuer_that_names_itself_must_do_so(clock: FakeClock) -> None:
    with pytest.raises(IssuerError, match="another issuer: None"):
        play(clock, "code=c&state=state-1", DONE, NAMING)
    query = urlencode({"code": "c", "state": "state-1", "iss": NAMING.issuer})
    assert play(clock, query, DONE, NAMING)[0].refresh_token == "r"


def test_a_refused_code_and_a_lost_answer_end_it(clock: FakeClock) -> None:
    refusal = Reply(400, {}, b'{"error": "invalid_grant", "error_description": "code-1 verifier-1"}')
    with pytest.raises(Refused) as caught:
        play(clock, "code=code-1&state=state-1", refusal)
    assert caught.value.code == "invalid_grant"
    assert "-1" not in str(caught.value)
    with pytest.raises(Timeout):
        play(clock, "code=code-1&state=state-1", Timeout("t"))


def test_the_endpoint_may_have_a_query_but_no_fragment() -> None:
    def metadata(endpoint: str | None) -> Metadata:
        return Metadata(ISSUER.issuer, ISSUER.token_endpoint, authorization_endpoint=endpoint)

    assert authorization_url(REQUEST, metadata("https://i.example/a?realm=x")).startswith(
        "https://i.example/a?realm=x&"
    )
    for endpoint in (None, "https://i.example/a#b"):
        with pytest.raises(IssuerError, match="no login by browser"):
            authorization_url(REQUEST, metadata(endpoint))


@given(
    query=st.text()
    | st.builds(
        lambda *pairs: urlencode(pairs),
        *[
            st.tuples(
                st.sampled_from(["code", "state", "iss", "error", "error_description"]), st.text() | st.just("state-1")
            )
        ]
        * 3,
    )
)
def test_whatever_comes_back_is_a_code_or_a_printable_refusal(query: str) -> None:
    said = code = ""
    try:
        code = read_redirect(query, REQUEST, ISSUER)
    except IssuerError as error:
        said = str(error)
    assert bool(said) != bool(code)
    assert (said + code).isprintable()
    assert len(said) < 1000
