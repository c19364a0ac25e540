"""Which errors are noted, counted, over, read and told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient._util.private import MAX_BYTES
from ctaclient.errors import ConfigError
from ctaclient.tokens.error_list import (
    ENDS_IN_7_DAYS,
    LOGIN_REQUIRED,
    MAX_ERRORS,
    ErrorList,
    NotedError,
    acknowledged,
    over,
    parse_errors,
    sighted,
    to_json,
    to_tell,
    told,
)
from ctaclient.tokens.login_end import Horizon


def after(*steps: str, known: ErrorList | None = None) -> ErrorList:
    """What the file says after some events, one second apart: `kind` happens, `+` it is over, `ack`, `told`."""
    known = known or ErrorList()
    for now, step in enumerate(steps, start=1):
        match step:
            case "+":
                known = over(known, "site")
            case "ack":
                known, _ = acknowledged(known, None)
            case "told":
                known = told(known, [error.id for error in known.errors])
            case kind:
                known, _ = sighted(known, "site", kind, f"at {now}", now)
    return known


def brief(known: ErrorList) -> list[tuple[str, int, float, float]]:
    return [(error.kind, error.count, error.first_at, error.last_at) for error in known.errors]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # once per change, not once per retry
        (["timeout", "timeout", "timeout"], [("timeout", 3, 1, 3)]),
        (["timeout", "server", "timeout"], [("timeout", 2, 1, 3), ("server", 1, 2, 2)]),
        # nobody has read of it: the same trouble again makes no second line
        (["timeout", "+", "timeout"], [("timeout", 2, 1, 3)]),
        (["timeout", "+", "ack", "timeout"], [("timeout", 1, 1, 1), ("timeout", 1, 4, 4)]),
        (["timeout", "ack", "timeout"], [("timeout", 2, 1, 3)]),
        # that a login ends again is news each time
        ([LOGIN_REQUIRED, LOGIN_REQUIRED], [(LOGIN_REQUIRED, 2, 1, 2)]),
        ([LOGIN_REQUIRED, "+", LOGIN_REQUIRED], [(LOGIN_REQUIRED, 1, 1, 1), (LOGIN_REQUIRED, 1, 3, 3)]),
    ],
)
def test_what_is_noted(steps: list[str], expected: list[tuple[str, int, float, float]]) -> None:
    assert brief(after(*steps)) == expected


@pytest.mark.parametrize(
    ("steps", "ids"),
    [
        ([], []),
        (["timeout"], []),
        ([LOGIN_REQUIRED], [1]),
        ([LOGIN_REQUIRED, "told"], []),
        ([LOGIN_REQUIRED, "told", LOGIN_REQUIRED], []),
        ([LOGIN_REQUIRED, "ack"], []),
        ([LOGIN_REQUIRED, "+"], []),
        ([LOGIN_REQUIRED, "told", "+", LOGIN_REQUIRED], [2]),
        ([ENDS_IN_7_DAYS, "told", LOGIN_REQUIRED], [2]),
    ],
)
def test_what_the_next_call_says(steps: list[str], ids: list[int]) -> None:
    known = after(*steps)
    assert [error.id for error in to_tell(known, ())] == ids
    assert to_tell(known, {"site"}) == []
    assert [error.id for error in to_tell(known, {"other", None})] == ids


def test_profiles_do_not_mix() -> None:
    known, _ = sighted(after("timeout"), "other", "timeout", "x", 5)
    assert known.open_kinds("site") == known.open_kinds("other") == {"timeout"}
    known = over(known, "site", {"server"})
    assert known.open_kinds("site") == {"timeout"}
    known = over(known, "site", {"timeout", "server"})
    assert (known.open_kinds("site"), known.open_kinds("other")) == (set(), {"timeout"})


def test_what_concerns_no_profile_is_over_at_once() -> None:
    known, new = sighted(ErrorList(), None, "internal", "x", 1)
    assert new
    assert known.open_kinds(None) == set()
    known, new = sighted(known, None, "internal", "x", 2)
    assert (len(known.errors), new) == (1, False)
    known, _ = acknowledged(known, None)
    assert sighted(known, None, "internal", "x", 3)[1]


def test_acknowledging_counts_what_changed() -> None:
    known = after("timeout", "server", LOGIN_REQUIRED)
    known, changed = acknowledged(known, [2, 2, 99])
    assert changed == 1
    assert [error.read for error in known.errors] == [False, True, False]
    known, changed = acknowledged(known, None)
    assert changed == 2
    assert acknowledged(known, None) == (known, 0)


def test_foreign_text_is_made_harmless() -> None:
    known, _ = sighted(ErrorList(), "site", "server", "a\x1b[2J\nrefresh_token=abcdef " + "x" * 900, 1)
    message = known.errors[0].message
    assert message.isprintable()
    assert "abcdef" not in message
    assert len(message) < 310


def test_the_list_is_bounded_and_keeps_what_matters() -> None:
    known = after("open-one")
    for number in range(3 * MAX_ERRORS):
        known, _ = sighted(known, f"p{number}", "timeout", "\U0001f600" * 900, 10 + number)
        known = over(known, f"p{number}")
    assert len(known.errors) == MAX_ERRORS
    assert known.errors[0].kind == "open-one"
    assert known.errors[-1].id == 3 * MAX_ERRORS + 1
    assert len(to_json(known)) < MAX_BYTES
    assert parse_errors(to_json(known), "here") == known


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"version": 1}',
        b'{"version": 2, "errors": [], "next_id": 1, "horizons": {}}',
        b'{"version": 1, "errors": [{}], "next_id": 1, "horizons": {}}',
        b'{"version": 1, "errors": [], "next_id": "x", "horizons": {}}',
        b'{"version": 1, "errors": [], "next_id": 1, "horizons": {"site": 3}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_list(data: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_errors(data, "/a b/here")
    assert caught.value.hint == "rm '/a b/here'"
    assert str(caught.value).isprintable()


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x)).map(json.dumps))
def test_any_bytes_are_a_list_or_a_config_error(data: bytes | str) -> None:
    try:
        parse_errors(data.encode() if isinstance(data, str) else data, "here")
    except ConfigError:
        return


TIMES = st.floats(0, 1e10)
ERRORS = st.builds(
    NotedError,
    id=st.integers(1, 1000),
    kind=st.text(max_size=10),
    message=st.text(max_size=20),
    first_at=TIMES,
    last_at=TIMES,
    profile=st.none() | st.text(max_size=5),
    count=st.integers(1, 10**9),
    read=st.booleans(),
    open=st.booleans(),
    told=st.booleans(),
)


@given(st.lists(ERRORS, max_size=5), st.dictionaries(st.text(max_size=5), st.builds(Horizon, TIMES, TIMES), max_size=3))
def test_round_trip(errors: list[NotedError], horizons: dict[str, Horizon]) -> None:
    known = ErrorList(tuple(errors), 7, horizons)
    assert parse_errors(to_json(known), "here") == known
