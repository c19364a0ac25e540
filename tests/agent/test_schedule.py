"""When a refresh happens."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.tokens.record import Record
from ctaclient_agent.refreshing import schedule
from ctaclient_agent.refreshing.schedule import Watch

NOW = 1_700_000_000.0


def record(life_s: float | None = 3600, *, issued_at: float = NOW, generation: int = 3, ended: bool = False) -> Record:
    return Record(
        profile="p",
        issuer="https://i",
        client_id="c",
        storage_url="https://s",
        scope="openid",
        state="login_required" if ended else "fresh",
        token="f",
        issued_at=issued_at,
        expires_at=None if life_s is None else issued_at + life_s,
        generation=generation,
        reason="ended" if ended else None,
    )


@given(life_s=st.floats(1, 400 * 86_400), seed=st.integers())
def test_refresh_is_in_time_and_not_early(life_s: float, seed: int) -> None:
    after_s = schedule.refresh_at(0, life_s, Random(seed))
    reserve_s = 300 if life_s >= 1800 else 90 if life_s >= 300 else 0.29 * life_s
    assert life_s - after_s >= reserve_s
    assert after_s >= 0.6 * min(life_s, 86_400) * 0.999
    assert after_s <= 86_400


def test_refreshes_are_spread() -> None:
    assert len({schedule.refresh_at(0, 300, Random(seed)) for seed in range(50)}) == 50


@pytest.mark.parametrize(
    ("found", "generation", "now", "state"),
    [
        (record(), 3, NOW, "fresh"),
        (record(), 3, NOW + 2600, "due"),
        (record(), 3, NOW + 9999, "due"),
        (record(), 4, NOW, "due"),
        (record(), None, NOW, "due"),
        (None, 3, NOW, "due"),
        (record(None), 3, NOW, "fresh"),
        (record(None), 3, NOW + 300, "due"),
        (record(ended=True), 3, NOW, "login_required"),
        (record(ended=True), 4, NOW, "due"),
        (record(ended=True), 2, NOW, "login_required"),
        (record(issued_at=NOW + 7200), 3, NOW, "due"),
    ],
)
def test_a_login_in_the_store(found: Record | None, generation: int | None, now: float, state: str) -> None:
    watch = schedule.found(found, generation, now, Random(1))
    assert watch.state == state
    assert schedule.is_due(watch, now) == (state == "due")


def test_back_off_doubles_to_30_s_and_is_forgotten_after_a_success() -> None:
    rng, watch, limits = Random(7), Watch("fresh", expires_at=NOW + 100, next_attempt_at=NOW), []
    for _ in range(8):
        waits = [schedule.failed(watch, "x", None, NOW, rng).next_attempt_at or 0 for _ in range(300)]
        limits.append(max(waits) - NOW)
        assert min(waits) >= NOW + 0.5
        watch = schedule.failed(schedule.started(watch, NOW), "x", None, NOW, rng)
    assert [round(limit) for limit in limits] == pytest.approx([2, 4, 8, 16, 30, 30, 30, 30], abs=1)
    assert watch.state == "backoff"
    assert watch.expires_at == NOW + 100
    renewed = schedule.renewed(watch, record(), NOW, rng)
    assert (renewed.state, renewed.failures, renewed.last_error) == ("fresh", 0, None)


def test_retry_after_is_honoured_even_when_a_client_asks() -> None:
    watch = schedule.failed(Watch("refreshing", expires_at=NOW - 1), "429", 120, NOW, Random(1))
    assert watch.next_attempt_at == NOW + 120
    assert schedule.asked(watch, NOW + 60) is None
    assert schedule.asked(watch, NOW + 121) is not None


@pytest.mark.parametrize(
    ("watch", "contacts"),
    [
        (Watch("fresh", NOW + 100, NOW + 50, last_attempt_at=NOW - 5), False),
        (Watch("fresh", NOW + 100, NOW + 50, last_attempt_at=NOW - 10), True),
        (Watch("fresh", NOW + 100, NOW + 50, last_attempt_at=None), True),
        (Watch("fresh", NOW + 100, NOW + 50, last_attempt_at=NOW + 5000), True),
        (Watch("backoff", NOW - 1, NOW + 20, last_attempt_at=NOW - 9), False),
        (Watch("backoff", None, NOW + 20, last_attempt_at=NOW - 11), True),
        (Watch("absent"), False),
        (Watch("waiting_for_user"), False),
        (Watch("login_required", NOW - 1), False),
    ],
)
def test_a_clients_wish(watch: Watch, contacts: bool) -> None:
    wanted = schedule.asked(watch, NOW)
    assert (wanted is not None) == contacts
    assert wanted is None or schedule.is_due(wanted, NOW)


def test_a_wish_joins_a_refresh_under_way() -> None:
    watch = schedule.started(Watch("fresh", NOW + 100, NOW), NOW)
    assert schedule.asked(watch, NOW) is watch
    assert not schedule.is_due(watch, NOW)


def test_a_refused_login_is_never_tried_again() -> None:
    watch = schedule.refused(Watch("refreshing", NOW + 100), "gone")
    assert (watch.state, watch.next_attempt_at, watch.expires_at) == ("login_required", None, NOW + 100)
    assert schedule.after_step(watch, NOW) is watch


@pytest.mark.parametrize(
    ("before", "after", "back"), [(0, 0, False), (0, 7200, False), (0, -30, False), (0, -3600, True)]
)
def test_only_a_clock_set_back_needs_care(before: float, after: float, back: bool) -> None:
    assert schedule.clock_stepped_back(before, after) == back
    assert schedule.is_due(schedule.after_step(Watch("fresh", NOW + 100, NOW + 50), NOW), NOW)
