"""The issuer's rules that depend on time, with a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ctaclient.sandbox.issuer.device import DeviceCodes
from ctaclient.sandbox.issuer.family import Families
from ctaclient.sandbox.issuer.grant import Grant
from ctaclient.sandbox.issuer.oauth_error import OAuthError

GRANT = Grant("sandbox", "offline_access")


@dataclass
class Watch:
    """A clock that stands still until told."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def refusal(codes: DeviceCodes, device_code: str) -> str:
    with pytest.raises(OAuthError) as caught:
        codes.redeem(device_code, "sandbox", None)
    return caught.value.code


def test_slow_down_adds_five_seconds_for_good() -> None:
    watch = Watch()
    codes = DeviceCodes(600, 1, watch)
    device_code, _ = codes.start(GRANT, None)
    assert refusal(codes, device_code) == "authorization_pending"
    for pause_s, expected in ((1.0, "authorization_pending"), (0.9, "slow_down"), (5.9, "slow_down")):
        watch.now += pause_s
        assert refusal(codes, device_code) == expected
    watch.now += 11.0
    assert refusal(codes, device_code) == "authorization_pending"


def test_no_interval_means_five_seconds() -> None:
    watch = Watch()
    codes = DeviceCodes(600, None, watch)
    device_code, _ = codes.start(GRANT, None)
    assert refusal(codes, device_code) == "authorization_pending"
    watch.now += 4.9
    assert refusal(codes, device_code) == "slow_down"


def test_a_code_expires_also_when_it_was_approved() -> None:
    watch = Watch()
    codes = DeviceCodes(600, 1, watch)
    device_code, code = codes.start(GRANT, None)
    assert codes.decide(code, code.csrf, approve=True)
    watch.now += 600
    assert refusal(codes, device_code) == "expired_token"
    assert codes.find(code.user_code) is None


def test_grace_lets_a_spent_token_work_for_a_while() -> None:
    watch = Watch()
    families = Families(rotate=True, grace_s=10, monotonic=watch)
    first = families.start(GRANT)
    _, second = families.redeem(first, "sandbox")
    watch.now += 9
    _, sibling = families.redeem(first, "sandbox")
    assert second
    assert sibling
    assert sibling != second
    watch.now += 1
    for token in (first, second, sibling):
        with pytest.raises(OAuthError, match="invalid_grant"):
            families.redeem(token, "sandbox")
