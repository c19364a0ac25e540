"""Ten minutes without an issuer, on a clock that obeys."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ctaclient_agent.refreshing import schedule
from ctaclient_agent.refreshing.schedule import Watch

OUTAGE_S, RECOVERY_S = 600.0, 30.0


@given(seed=st.integers(), answer_s=st.floats(0, 30))
def test_after_ten_minutes_the_next_attempt_comes_within_30_s(seed: int, answer_s: float) -> None:
    """However long each vain attempt takes: at once, or as long as a request may."""
    rng, watch, now, attempts = Random(seed), Watch("due", expires_at=300.0), 0.0, 0
    while now < OUTAGE_S:
        watch = schedule.failed(schedule.started(watch, now), "HTTP 503", None, now + answer_s, rng)
        assert watch.next_attempt_at is not None
        now, attempts = watch.next_attempt_at, attempts + 1
        assert watch.state == "backoff"
    assert now - OUTAGE_S <= RECOVERY_S + answer_s
    assert attempts >= OUTAGE_S / (RECOVERY_S + answer_s)
    assert attempts <= 4 + (OUTAGE_S + RECOVERY_S) / 0.5
