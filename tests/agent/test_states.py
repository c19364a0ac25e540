"""The state machine: every state times every event, and the table of it in the docs."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.tokens.record import Record
from ctaclient_agent.refreshing import schedule
from ctaclient_agent.refreshing.schedule import State, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_700_000_000.0
STATES = get_args(State)
PAGE = Path(__file__).parents[2] / "docs" / "store.md"

RECORD = Record(
    profile="p",
    issuer="https://i",
    client_id="c",
    storage_url="https://s",
    scope="openid",
    state="fresh",
    token="f",
    issued_at=NOW,
    expires_at=NOW + 3600,
    generation=3,
)
ENDED = replace(RECORD, state="login_required", reason="ended")

WATCHES = {
    "absent": Watch("absent"),
    "waiting_for_user": Watch("waiting_for_user"),
    "fresh": Watch("fresh", NOW + 900, NOW + 600, NOW - 2700, NOW - 2700),
    "due": Watch("due", NOW + 300, NOW, NOW - 3300, NOW - 3300),
    "refreshing": Watch("refreshing", NOW + 300, None, NOW - 3300, NOW - 1),
    "backoff": Watch("backoff", NOW + 300, NOW + 20, NOW - 3300, NOW - 15, failures=2, failing_since_at=NOW - 40),
    "login_required": Watch("login_required", NOW + 300, None, NOW - 3300, NOW - 15, last_error="ended"),
}


def start_if_due(watch: Watch) -> Watch:
    """What the loop does at each turn."""
    return schedule.started(watch, NOW) if schedule.is_due(watch, NOW) else watch


def ask(watch: Watch) -> Watch:
    return schedule.asked(watch, NOW) or watch


def tried_at(watch: Watch, moment: float) -> Watch:
    return replace(watch, last_attempt_at=moment, not_before_at=0.0)


# By the words of the docs. `found` and `waiting` do not look at the state before: they are a new look at the store.
EVENTS: dict[str, Callable[[Watch], Watch]] = {
    "a whole login is found": lambda _: schedule.found(RECORD, 3, NOW, Random(1)),
    "one with a newer refresh token": lambda _: schedule.found(RECORD, 4, NOW, Random(1)),
    "an ended one": lambda _: schedule.found(ENDED, 3, NOW, Random(1)),
    "its time comes": lambda watch: start_if_due(
        watch if watch.next_attempt_at is None else replace(watch, next_attempt_at=NOW)
    ),
    "a new token": lambda watch: schedule.renewed(watch, RECORD, NOW, Random(1)),
    "passing trouble": lambda watch: schedule.failed(watch, "503", None, NOW, Random(1)),
    "a refusal": lambda watch: schedule.refused(watch, "invalid_grant"),
    "a client asks": lambda watch: ask(tried_at(watch, NOW - 15)),
    "a client asks at once again": lambda watch: ask(tried_at(watch, NOW - 1)),
    "the clock is set back": lambda watch: schedule.after_step(watch, NOW),
    "no login": lambda _: schedule.ABSENT,
    "a login is asked for": lambda watch: schedule.login_asked_for(watch),
}
# Not of one watch, or no transition.
NO_EVENTS = {"refresh_at", "clock_stepped_back"}

TABLE: dict[str, dict[str, str]] = {
    state: {
        "a whole login is found": "fresh",
        "one with a newer refresh token": "due",
        "an ended one": "login_required",
        "no login": "absent",
        "a new token": "fresh",
        **dict(
            zip(
                (
                    "its time comes",
                    "passing trouble",
                    "a refusal",
                    "a client asks",
                    "a client asks at once again",
                    "the clock is set back",
                    "a login is asked for",
                ),
                others,
                strict=True,
            )
        ),
    }
    for state, others in {
        "absent": (*("absent",) * 6, "waiting_for_user"),
        "waiting_for_user": ("waiting_for_user",) * 7,
        "fresh": ("refreshing", "backoff", "login_required", "due", "fresh", "due", "fresh"),
        "due": ("refreshing", "backoff", "login_required", "due", "due", "due", "due"),
        "refreshing": ("refreshing", "backoff", "login_required", *("refreshing",) * 4),
        "backoff": ("refreshing", "backoff", "login_required", "due", "backoff", "due", "backoff"),
        "login_required": (*("login_required",) * 6, "waiting_for_user"),
    }.items()
}


def test_no_pair_is_missing() -> None:
    assert set(WATCHES) == set(STATES)
    assert {(state, event) for state, row in TABLE.items() for event in row} == set(product(STATES, EVENTS))


def test_every_function_of_the_schedule_is_an_event() -> None:
    public = {
        name
        for name, value in inspect.getmembers(schedule, inspect.isfunction)
        if value.__module__ == schedule.__name__ and not name.startswith("_")
    }
    text = inspect.getsource(inspect.getmodule(ask))  # type: ignore[arg-type]
    used = {name for name in public if f"schedule.{name}(" in text}
    assert used | NO_EVENTS == public


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_what_follows(state: str, event: str) -> None:
    before = WATCHES[state]
    after = EVENTS[event](before)
    assert before.state == state
    assert after.state == TABLE[state][event]
    check(after)


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_due_is_due(state: str) -> None:
    assert schedule.is_due(WATCHES[state], NOW) == (state == "due")


def check(watch: Watch) -> None:
    """No state is a dead end: a login that may still work is tried again, and nothing else ever is."""
    tried = watch.state in ("fresh", "due", "backoff")
    assert (watch.next_attempt_at is not None) == tried


@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=30))
def test_whatever_happens_in_whatever_order(events: list[str]) -> None:
    watch = Watch("absent")
    for event in events:
        before, watch = watch, EVENTS[event](watch)
        assert watch.state == TABLE[before.state][event]
        check(watch)


@given(st.lists(st.sampled_from(["passing trouble", "its time comes", "a client asks"]), max_size=60))
def test_no_number_of_failures_ends_a_login(events: list[str]) -> None:
    watch = WATCHES["fresh"]
    for event in events:
        watch = EVENTS[event](watch)
    assert watch.state in ("fresh", "due", "refreshing", "backoff")


def test_the_table_in_the_docs_is_this_one() -> None:
    # There a row is an event and a column a state: there are more events than fit side by side.
    (table,) = re.findall(r"^\| what happens \|.*\n(?:\|.*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    head, _, *body = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert head[1:] == list(STATES)
    shown = {event: dict(zip(STATES, cells, strict=True)) for event, *cells in body}
    assert shown == {event: {state: TABLE[state][event] for state in STATES} for event in EVENTS}
