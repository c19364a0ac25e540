"""What became of each item."""

from __future__ import annotations

import json
import pickle

import pytest

from ctaclient.errors import NotFound, SomeItemsFailed
from ctaclient.transfer.result import Report, TransferFailed, TransferResult

DONE = TransferResult("a", "/a", "done", 5, 0.12345, "adler32:062c0215", "checksum", "move")
THERE = TransferResult("b", "/b", "already there", 5)
FAILED = TransferResult("c", "/c", "failed", error=NotFound("c does not exist", hint="look", status=404))


def test_a_result_is_true_when_it_is_where_it_should_be() -> None:
    assert [bool(each) for each in (DONE, THERE, FAILED)] == [True, True, False]


def test_as_json() -> None:
    assert json.loads(json.dumps(DONE.to_dict())) == {
        "source": "a",
        "target": "/a",
        "state": "done",
        "size_bytes": 5,
        "seconds": 0.123,
        "checksum": "adler32:062c0215",
        "verified": "checksum",
        "published": "move",
        "left_behind": None,
        "error": None,
    }
    assert FAILED.to_dict()["error"]["exit_code"] == 5


def test_a_report_is_a_sequence() -> None:
    report = Report([DONE, THERE, FAILED])
    assert (len(report), report[0], list(report[1:]), report.failed) == (3, DONE, [THERE, FAILED], [FAILED])
    assert list(report) == [DONE, THERE, FAILED]
    assert repr(report) == "<Report: 2 done, 1 failed>"


def test_success_passes_through_and_an_empty_report_is_no_failure() -> None:
    for report in (Report([DONE, THERE]), Report([])):
        assert report.raise_for_errors() is report


def test_failure_brings_the_report_along_even_through_pickle() -> None:
    with pytest.raises(TransferFailed, match="1 of 2 items failed") as caught:
        Report([DONE, FAILED]).raise_for_errors()
    assert isinstance(caught.value, SomeItemsFailed)
    assert caught.value.exit_code == 3
    back = pickle.loads(pickle.dumps(caught.value))
    assert str(back) == "1 of 2 items failed"
    assert back.report[0] == DONE
    assert isinstance(back.report.failed[0].error, NotFound)
    assert back.report.failed[0].error.status == 404
