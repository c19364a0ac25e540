"""`record.json`: read as strictly as it is written."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import ConfigError
from ctaclient.tokens.record import Record, parse_record
from tests.support.hostile import as_bytes, changed, check_words
from tests.unit.tokens.conftest import a_record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.text()
MOMENTS = st.floats(-1e99, 1e99)
RECORDS = st.builds(
    Record,
    profile=TEXTS,
    issuer=TEXTS,
    client_id=TEXTS,
    storage_url=TEXTS,
    scope=TEXTS,
    state=st.sampled_from(["fresh", "login_required"]),
    token=TEXTS,
    issued_at=MOMENTS,
    expires_at=st.none() | MOMENTS,
    generation=st.integers(),
    reason=st.none() | TEXTS,
)


@given(RECORDS)
def test_round_trip(record: Record) -> None:
    assert parse_record(record.to_json(), "here") == record


def test_it_has_a_version_and_one_line_end() -> None:
    data = a_record().to_json()
    assert json.loads(data)["version"] == 1
    assert data.endswith(b"}\n")


@given(st.binary() | JSON.map(lambda document: json.dumps(document).encode()))
def test_nonsense_is_damaged(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"^here (is damaged|has version)"):
        parse_record(data, "here")


@given(key=st.sampled_from(sorted(asdict(a_record()))), value=JSON)
def test_a_field_of_another_kind_never_gets_through(key: str, value: object) -> None:
    document = {**json.loads(a_record().to_json()), key: value}
    try:
        record = parse_record(json.dumps(document).encode(), "here")
    except ConfigError as error:
        refusal = error
    else:
        assert getattr(record, key) == value
        return
    assert str(refusal).startswith("here ")
    assert refusal.hint == "ctaclient start-agent writes it anew"


OPTIONAL = ("reason", "expires_at", "audience", "login_ends_at")


@pytest.mark.parametrize("key", [key for key in asdict(a_record()) if key not in OPTIONAL])
def test_a_missing_field_is_damage(key: str) -> None:
    document = json.loads(a_record().to_json())
    del document[key]
    with pytest.raises(ConfigError, match="here is damaged"):
        parse_record(json.dumps(document).encode(), "here")


@pytest.mark.parametrize("version", [0, 2, "1", None, [1], "\x1b[2J"])
def test_another_version_says_so(version: object) -> None:
    document = {**json.loads(a_record().to_json()), "version": version}
    with pytest.raises(ConfigError) as caught:
        parse_record(json.dumps(document).encode(), "here")
    assert "here has version" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("key", ["issued_at", "expires_at", "login_ends_at"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300, 10**400])
def test_a_time_that_is_none_is_damage(key: str, value: float) -> None:
    """An agent that reckons with it would end."""
    document = {**json.loads(a_record().to_json()), key: value}
    with pytest.raises(ConfigError, match="here is damaged"):
        parse_record(json.dumps(document).encode(), "here")


@given(as_bytes(changed(asdict(a_record()) | {"version": 1})))
def test_whatever_is_in_the_file(data: bytes) -> None:
    try:
        record = parse_record(data, "here")
    except ConfigError as error:
        check_words(error, where="here")
        return
    assert isinstance(record.generation, int)


def test_an_unknown_field_is_of_a_later_ctaclient_and_fine() -> None:
    document = {**json.loads(a_record().to_json()), "later": 1}
    assert parse_record(json.dumps(document).encode(), "here") == a_record()


def test_deep_nesting_is_damage() -> None:
    with pytest.raises(ConfigError, match="here is damaged"):
        parse_record(b"[" * 100_000, "here")
