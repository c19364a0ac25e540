"""Redirects: where they may lead, and what may go along."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient._util.origin import Origin
from ctaclient.errors import ProtocolError
from ctaclient.transport.redirect import MAX_HOPS, STATUSES, headers_for_data_server, next_hop

DOOR = "https://door.example:2880/data/a%20b?x=1"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://pool.example:20001/a?dcache-http-uuid=1", "https://pool.example:20001/a?dcache-http-uuid=1"),
        ("https://[::1]:20001/a", "https://[::1]:20001/a"),
        ("//pool.example:20001/a", "https://pool.example:20001/a"),
        ("/other/a", "https://door.example:2880/other/a"),
        ("b", "https://door.example:2880/data/b"),
        ("https://door.example:2880/a#part", "https://door.example:2880/a"),
        ("https://data.example:1094/a b/ü", "https://data.example:1094/a%20b/%C3%BC"),
        ("https://data.example/a%20b", "https://data.example/a%20b"),
        ("https://data.example/a\r\nX: 1", "https://data.example/a%0D%0AX:%201"),
    ],
)
def test_where_to(location: str, url: str) -> None:
    assert next_hop(DOOR, 307, location, 0) == url


@pytest.mark.parametrize(
    ("location", "why"),
    [
        (None, "without saying where"),
        ("", "without saying where"),
        ("http://pool.example/a", "which is not protected by TLS"),
        ("http://door.example:2880/a", "which is not protected by TLS"),
        ("https://me:secret@pool.example/a", "which is not protected by TLS"),
        ("https://door.example:2880@evil.example/a", "which is not protected by TLS"),
        ("ftp://pool.example/a", "no https URL"),
        ("file:///etc/passwd", "no https URL"),
        ("javascript:alert(1)", "no https URL"),
        ("https://[bad/a", "no https URL"),
        ("https://pool:port/a", "no https URL"),
        ("https://po ol/a", "no https URL"),
        ("https://pool.example/" + "ü" * 20_000, "no https URL"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_where_never(location: str | None, why: str) -> None:
    with pytest.raises(ProtocolError, match=why) as caught:
        next_hop(DOOR, 302, location, 0)
    assert caught.value.status == 302
    assert "secret" not in str(caught.value)
    assert "x=1" not in str(caught.value)


def test_not_for_ever() -> None:
    next_hop(DOOR, 307, DOOR, MAX_HOPS - 1)
    with pytest.raises(ProtocolError, match="again and again"):
        next_hop(DOOR, 307, DOOR, MAX_HOPS)


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text(alphabet="/:@[]?#.\\%ax0 ").map("https://".__add__))
def test_any_location_is_an_https_url_that_httpx_reads_alike(location: str) -> None:
    try:
        url = next_hop(DOOR, 307, location, 0)
    except ProtocolError:
        return
    origin, there = Origin.of(url), httpx.URL(url)
    assert (there.scheme, there.raw_host.decode(), there.port or 443) == ("https", origin.host, origin.port)
    assert url.isascii()
    assert url.isprintable()


XROOTD = "https://door.example:1094/data/"
ASKED = "?authz=Bearer%20x&x=1"


@pytest.mark.parametrize(
    ("quoted", "raw"),
    [
        ("a%2520b", "a%20b"),
        ("a%20b", "a b"),
        ("a%20b", "a%20b"),  # from 5.8 on they are escaped
        ("p%25b", "p%b"),
        ("run%232", "run#2"),
        ("a%3Fb", "a?b"),
        ("%C3%BC", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"),
    ],
)
@pytest.mark.parametrize("after", ["", ASKED, "&authz=x"])
@pytest.mark.parametrize("root", ["https://data.example:1095", "https://data.example:1095/"])
def test_raw_names_of_xrootd_are_those_that_were_asked_for(quoted: str, raw: str, after: str, root: str) -> None:
    hop = next_hop(f"{XROOTD}{quoted}", 307, f"{root}/data/{raw}{after}", 0, raw_names=True)
    assert hop == f"https://data.example:1095/data/{quoted}{after}"


@pytest.mark.parametrize(
    "path",
    ["/data/a", "/data/a%20bc", "/data/a b/c", "/data/a bc", "/other/data/a b", "/x?y=/data/a b", "/", "", "/data"],
)
def test_raw_names_of_something_else_are_refused(path: str) -> None:
    with pytest.raises(ProtocolError, match="something else than was asked for") as caught:
        next_hop(f"{XROOTD}a%20b", 307, f"https://data.example:1095{path}", 0, raw_names=True)
    assert caught.value.status == 307


@pytest.mark.parametrize("root", ["http://data.example", "https://me:secret@data.example"])
def test_raw_names_lead_nowhere_else_than_others(root: str) -> None:
    with pytest.raises(ProtocolError, match="not protected by TLS"):
        next_hop(f"{XROOTD}a%20b", 307, f"{root}/data/a b", 0, raw_names=True)


def test_which_statuses_redirect() -> None:
    assert frozenset({301, 302, 303, 307, 308}) == STATUSES


def test_a_data_server_gets_what_it_needs_and_nothing_else() -> None:
    hidden = (
        "Authorization Cookie Expect Proxy-Authorization Content-Type Content-Language X-Auth If-None-Match Overwrite"
    )
    needed = "Content-Length Content-MD5 Range WANT-DIGEST Accept Accept-Encoding Depth User-Agent"
    door = [(name, "x") for name in (*hidden.split(), *needed.split())]
    assert headers_for_data_server(door) == [(name, "x") for name in needed.split()]


@pytest.mark.parametrize(
    ("asked", "location", "hop"),
    [
        ("/data", "https://data1.example:1095/data?authz=x", "https://data1.example:1095/data?authz=x"),
        ("/", "https://data1.example:1095/?authz=x", "https://data1.example:1095/?authz=x"),
        ("/d/a%20b", "https://data:1095//d/a b?x=/d/a b", "https://data:1095/d/a%20b?x=/d/a%20b"),
    ],
)
def test_a_raw_name_is_looked_for_in_the_path_only(asked: str, location: str, hop: str) -> None:
    assert next_hop(f"https://door.example:1094{asked}", 307, location, 0, raw_names=True) == hop


@pytest.mark.parametrize(
    "location", ["https://data:1095?x=/d/a b", "https://data:1095#/d/a b", "/d/a b", "//data/d/a b"]
)
def test_a_raw_name_elsewhere_is_none(location: str) -> None:
    with pytest.raises(ProtocolError, match="something else"):
        next_hop("https://door.example:1094/d/a%20b", 307, location, 0, raw_names=True)
