"""The device flow by RFC 8628, played without a network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient.errors import ConnectError, CtaError, IssuerError, NetworkError, ServerError, Timeout, TlsError
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.login.device import Post, Prompt, Refused, Step, Wait, device_flow

if TYPE_CHECKING:
    from ctaclient_agent.issuer.answers import Tokens
    from tests.support.clock import FakeClock

BEGIN: dict[str, Any] = {
    "device_code": "device-1",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://issuer.example/device",
    "expires_in": 600,
    "interval": 5,
}
DONE = {"access_token": "t", "token_type": "Bearer", "expires_in": 60, "refresh_token": "r"}


def ok(body: Any) -> Reply:
    return Reply(200, {}, json.dumps(body).encode())


def error(code: str, status: int = 400) -> Reply:
    return Reply(status, {}, json.dumps({"error": code}).encode())


def play(
    clock: FakeClock, begin: Reply | NetworkError, *polls: Reply | NetworkError, pkce: tuple[str, str] | None = None
) -> tuple[Tokens, list[Step]]:
    """Run the flow; the tokens and every step. The last poll's answer stays."""
    flow, steps, left = device_flow("openid", clock, pkce=pkce), [], list(polls)
    step = next(flow)
    while True:
        steps.append(step)
        result: Reply | NetworkError | None = None
        if isinstance(step, Wait):
            clock.sleep(step.seconds)
        elif isinstance(step, Post):
            result = begin if step.endpoint == "device" else left.pop(0) if len(left) > 1 else left[0]
        try:
            step = flow.send(result)
        except StopIteration as end:
            return end.value, steps


def waits(steps: list[Step]) -> list[float]:
    return [step.seconds for step in steps if isinstance(step, Wait)]


PENDING, SLOW = error("authorization_pending"), error("slow_down")


@pytest.mark.parametrize(
    ("polls", "expected"),
    [
        ([], [5]),
        ([PENDING, PENDING], [5, 5, 5]),
        ([SLOW, PENDING, SLOW, PENDING], [5, 10, 10, 15, 15]),
        ([Timeout("t"), Timeout("t"), PENDING], [5, 10, 20, 5]),
        ([SLOW, ConnectError("c")], [5, 10, 20]),
        ([Reply(503, {"retry-after": "40"}, b""), PENDING], [5, 40, 5]),
        ([Reply(200, {}, b"<html>"), Reply(200, {}, b"{")], [5, 10, 20]),
        ([error("temporarily_unavailable")], [5, 10]),
    ],
)
def test_waits(clock: FakeClock, polls: list[Reply | NetworkError], expected: list[float]) -> None:
    tokens, steps = play(clock, ok(BEGIN), *polls, ok(DONE))
    assert tokens.refresh_token == "r"
    assert waits(steps) == expected


def test_interval_is_5_s_where_none_is_given(clock: FakeClock) -> None:
    begin = {name: value for name, value in BEGIN.items() if name != "interval"}
    assert waits(play(clock, ok(begin), ok(DONE))[1]) == [5]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (error("access_denied"), "denied"),
        (error("expired_token"), "in time"),
        (error("invalid_grant"), "invalid_grant"),
        (error("unsupported_grant_type"), "unsupported"),
        (Reply(404, {}, b"<html>"), "404"),
    ],
)
def test_anything_else_ends_it(clock: FakeClock, last: Reply, said: str) -> None:
    with pytest.raises(IssuerError, match=said):
        play(clock, ok(BEGIN), PENDING, last)


def test_it_ends_by_its_own_clock(clock: FakeClock) -> None:
    with pytest.raises(IssuerError, match="in time"):
        play(clock, ok({**BEGIN, "expires_in": 60}), PENDING)
    assert 55 <= clock.passed <= 60


def test_the_network_may_be_away_and_come_back(clock: FakeClock) -> None:
    tokens, steps = play(clock, ok(BEGIN), *[ConnectError("c")] * 6, ok(DONE))
    assert tokens.refresh_token == "r"
    assert waits(steps) == [5, 10, 20, 30, 30, 30, 30]


def test_one_more_try_comes_just_before_the_end(clock: FakeClock) -> None:
    tokens, steps = play(clock, ok({**BEGIN, "expires_in": 60}), *[ConnectError("c")] * 3, ok(DONE))
    assert tokens.refresh_token == "r"
    assert waits(steps) == [5, 10, 20, 24]


@pytest.mark.parametrize(("last", "kind"), [(ConnectError("c"), ConnectError), (Reply(503, {}, b""), ServerError)])
def test_who_was_not_reached_in_the_end_is_not_nobody(
    clock: FakeClock, last: Reply | NetworkError, kind: type[CtaError]
) -> None:
    with pytest.raises(kind) as caught:
        play(clock, ok(BEGIN), PENDING, last)
    assert caught.value.exit_code == 7
    assert 550 < clock.passed <= 600


def test_a_certificate_that_is_not_accepted_ends_it_at_once(clock: FakeClock) -> None:
    with pytest.raises(TlsError):
        play(clock, ok(BEGIN), TlsError("expired"))


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (Timeout("t"), Timeout),
        (Reply(503, {}, b""), ServerError),
        (Reply(200, {}, b"<html>"), ServerError),
        (error("invalid_client", 401), Refused),
        (Reply(404, {}, b""), Refused),
        (ok({**BEGIN, "verification_uri": "http://issuer.example/device"}), IssuerError),
        (ok({**BEGIN, "verification_uri": "javascript:alert(1)"}), IssuerError),
        (ok({**BEGIN, "verification_uri": "https://issuer.example/\x1b[2J"}), IssuerError),
        (ok({**BEGIN, "verification_uri": "https://issuer.example/$(id) `id`"}), IssuerError),
        (ok({**BEGIN, "verification_uri": None}), IssuerError),
        (ok({**BEGIN, "verification_uri": "https://issuer.example/" + "a" * 2048}), IssuerError),
        (ok({**BEGIN, "device_code": ""}), IssuerError),
        (ok({**BEGIN, "user_code": 7}), IssuerError),
    ],
)
def test_a_beginning_that_cannot_go_on(clock: FakeClock, begin: Reply | NetworkError, kind: type[CtaError]) -> None:
    with pytest.raises(kind):
        play(clock, begin, ok(DONE))


def test_what_is_shown_is_harmless(clock: FakeClock) -> None:
    begin = {**BEGIN, "user_code": "A\x1b]0;x\x07\nB" + "C" * 10_000, "verification_uri_complete": "http://x/?c=1"}
    prompt = next(step for step in play(clock, ok(begin), ok(DONE))[1] if isinstance(step, Prompt))
    assert prompt.user_code.isprintable()
    assert len(prompt.user_code) < 100
    assert prompt.complete_uri is None
    begin = {**BEGIN, "verification_uri_complete": "https://issuer.example/" + "a" * 2048}
    prompt = next(step for step in play(clock, ok(begin), ok(DONE))[1] if isinstance(step, Prompt))
    assert prompt.complete_uri is None


def test_pkce_goes_along(clock: FakeClock) -> None:
    posts = [
        step
        for step in play(clock, ok(BEGIN), PENDING, ok(DONE), pkce=("verifier", "challenge"))[1]
        if isinstance(step, Post)
    ]
    assert posts[0].form == {"scope": "openid", "code_challenge": "challenge", "code_challenge_method": "S256"}
    assert [post.form["code_verifier"] for post in posts[1:]] == ["verifier", "verifier"]


def test_an_echoed_secret_is_hidden(clock: FakeClock) -> None:
    refusal = Reply(400, {}, json.dumps({"error": "invalid_request", "error_description": "bad device-1"}).encode())
    with pytest.raises(IssuerError) as caught:
        play(clock, ok(BEGIN), refusal)
    assert "device-1" not in str(caught.value)
