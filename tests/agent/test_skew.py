"""How far an issuer's clock is from ours, and that it is told once."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient_agent.issuer.answers import Failure, Tokens, read_tokens
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.issuer.skew import SkewWatch, clock_skew_s, describe_skew
from tests.agent.test_answers import jwt

if TYPE_CHECKING:
    from tests.support.clock import FakeClock


def at(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)


def test_by_the_date_of_an_answer(clock: FakeClock) -> None:
    now = clock.now()
    assert clock_skew_s(at(now + 3600), now) == 3600
    assert clock_skew_s(at(now - 3600), now) == -3600


@pytest.mark.parametrize("date", [None, "", "soon", "Sat, 99 Nov 2026 21:33:30 GMT", "\x00"])
def test_without_a_date_nothing_is_said(date: str | None, clock: FakeClock) -> None:
    assert clock_skew_s(date, clock.now()) == 0


def test_a_small_one_is_not_worth_a_word() -> None:
    assert describe_skew(60) is describe_skew(-60) is None
    assert "61 min ahead of this machine's" in (describe_skew(3660) or "")
    assert "60 min behind this machine's" in (describe_skew(-3600) or "")


def test_it_is_told_once_and_again_when_it_changes() -> None:
    watch = SkewWatch()
    assert watch.news("a", 3600)
    assert watch.news("a", 3601) is None
    assert watch.news("b", 3600)
    assert watch.news("a", -3600)
    assert watch.news("a", 3) is None
    assert watch.news("a", -3600)


def reply(clock: FakeClock, status: int, body: dict[str, Any], **headers: str) -> Tokens | Failure:
    return read_tokens(
        Reply(status, {"date": at(clock.now() + 3600), **headers}, json.dumps(body).encode()), clock.now()
    )


def test_lives_do_not_depend_on_it(clock: FakeClock) -> None:
    body = {"access_token": jwt(exp=clock.now() + 3900), "token_type": "Bearer"}
    by_claim = reply(clock, 200, body)
    assert isinstance(by_claim, Tokens)
    assert (by_claim.life_s, by_claim.skew_s) == (300, 3600)
    by_count = reply(clock, 200, {**body, "expires_in": 60})
    assert isinstance(by_count, Tokens)
    assert by_count.life_s == 60


def test_a_date_in_retry_after_is_of_the_same_clock(clock: FakeClock) -> None:
    headers = {"retry-after": at(clock.now() + 3600 + 7)}
    refusal = reply(clock, 503, {}, **headers)
    assert isinstance(refusal, Failure)
    assert refusal.retry_after_s == 7
