"""The agent's log, cut into records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.control.log_records import begins_record, last_records, records, shown

LOG = b"""\
  rest of a record whose beginning was rotated away
2026-11-20 14:05:01,123 INFO ctaclient_agent.daemon.service: agent started
2026-11-20 14:05:02,456 ERROR ctaclient_agent.refreshing.worker: site: the refresh failed
Traceback (most recent call last):
  File "x.py", line 1, in <module>

ValueError: 2026 is no good year
2026-11-20 14:05:03,789 INFO ctaclient_agent.daemon.service: agent stopped
""".splitlines(keepends=True)


def test_a_traceback_stays_whole() -> None:
    assert [len(record) for record in records(LOG)] == [1, 1, 5, 1]
    assert last_records(LOG, 2) == [LOG[2:7], LOG[7:]]
    assert last_records(LOG, 0) == []
    assert b"".join(line for record in last_records(LOG, 99) for line in record) == b"".join(LOG)
    assert last_records([], 3) == []


@given(st.lists(st.binary(max_size=20) | st.sampled_from(LOG)), st.integers(0, 5))
def test_any_lines_are_kept_in_order(lines: list[bytes], count: int) -> None:
    assert [line for record in records(lines) for line in record] == lines
    tail = last_records(lines, count)
    assert len(tail) <= count
    assert all(not begins_record(line) for record in tail for line in record[1:])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"plain\n", "plain"),
        (b"a\tb\n", "a       b"),
        (b"\x1b[2J\x07\r\n", "\\x1b[2J\\x07"),
        (b"\xff\xe2\x80\xae\n", "\\xff\\u202e"),
        (b"", ""),
    ],
)
def test_nothing_raw_is_shown(line: bytes, expected: str) -> None:
    assert shown(line) == expected


@given(st.binary())
def test_any_line_can_be_shown(line: bytes) -> None:
    assert shown(line).isprintable()
