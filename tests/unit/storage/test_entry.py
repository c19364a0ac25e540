"""Entries: what properties mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.storage.entry import PROPERTIES, Entry, entry_of, parse_date
from ctaclient.storage.multistatus import Resource
from ctaclient.storage.path import RemotePath

PATH = RemotePath.parse("/data/a")
MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 09:49:37 +0100",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
        "1994-11-06T09:49:37+01:00",
        "1994-11-06T08:49:37.000Z",
    ],
)
def test_dates_in_all_formats(text: str) -> None:
    assert parse_date(text) == MOMENT


@pytest.mark.parametrize(
    "text", [None, "", "yesterday", "0", "Sun, 99 Nov 1994 08:49:37 GMT", "1994-13-06T08:49:37Z", "2" * 5000]
)
def test_no_date(text: str | None) -> None:
    assert parse_date(text) is None


@given(st.text(alphabet=st.sampled_from("0123456789+-:., TZGMTSunNov/")) | st.text() | st.datetimes().map(str))
def test_any_text_is_a_date_that_every_time_zone_can_show_or_none(text: str) -> None:
    moment = parse_date(text)
    if moment is not None:
        assert moment.tzinfo is UTC
        moment.astimezone()


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z"])
def test_dates_at_the_ends_of_time(text: str) -> None:
    assert parse_date(text) is None


def entry(is_collection: bool = False, **properties: str) -> Entry:
    by_name = {name: f"{namespace} {name}" for namespace, name in PROPERTIES}
    found = {by_name[name]: value for name, value in properties.items()}
    return entry_of(Resource("/data/a", properties=found, is_collection=is_collection), PATH)


def test_a_file_of_dcache() -> None:
    seen = entry(
        getcontentlength="17",
        getlastmodified="Sun, 06 Nov 1994 08:49:37 GMT",
        getetag='"abc"',
        Checksums="adler32=90c1483",
        FileLocality="NEARLINE",
    )
    assert seen == Entry(
        PATH,
        is_dir=False,
        size_bytes=17,
        mtime=MOMENT,
        etag='"abc"',
        checksums={"adler32": "090c1483"},
        locality="NEARLINE",
    )
    assert seen.to_dict() == {
        "path": "/data/a",
        "type": "file",
        "size_bytes": 17,
        "mtime": "1994-11-06T08:49:37+00:00",
        "etag": '"abc"',
        "checksums": {"adler32": "090c1483"},
        "locality": "NEARLINE",
    }


def test_nothing_known() -> None:
    assert entry() == Entry(PATH, is_dir=False)
    assert entry(getcontentlength="", getlastmodified="", getetag="", FileLocality="") == Entry(PATH, is_dir=False)


def test_a_directory_has_no_size() -> None:
    assert entry(is_collection=True, getcontentlength="4096").size_bytes is None


@pytest.mark.parametrize("text", ["-1", "1.5", "0x10", "many", "1e3", "1" * 5000, "1 000", "²"])
def test_a_size_that_is_none(text: str) -> None:
    assert entry(getcontentlength=text).size_bytes is None


@pytest.mark.parametrize(("text", "found"), [("adler32=90c1483", {"adler32": "090c1483"}), ("90c1483", {}), ("", {})])
def test_checksums(text: str, found: dict[str, str]) -> None:
    assert entry(Checksums=text).checksums == found
