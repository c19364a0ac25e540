"""Multi-Status bodies as real servers send them, and as hostile ones do."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import ProtocolError
from ctaclient.storage.multistatus import Resource, parse_multistatus
from tests.unit.storage.fixtures import APACHE, DCACHE, NEXTCLOUD, STORM, XROOTD

if TYPE_CHECKING:
    from collections.abc import Iterator

DAV = "DAV: "


def parsed(text: str | bytes) -> list[Resource]:
    return list(parse_multistatus([text.encode() if isinstance(text, str) else text]))


def test_dcache() -> None:
    directory, file = parsed(DCACHE)
    assert (directory.href, directory.is_collection) == ("/data/", True)
    assert (file.href, file.is_collection, file.status) == ("/data/run%201.fits", False, None)
    assert file.properties == {
        f"{DAV}getcontentlength": "1000",
        f"{DAV}getlastmodified": "Sun, 06 Nov 1994 08:49:37 GMT",
        f"{DAV}resourcetype": "",
        "http://www.dcache.org/2013/webdav Checksums": "adler32=090c1483",
        "http://srm.lbl.gov/StorageResourceManager FileLocality": "ONLINE",
    }
    assert f"{DAV}getetag" not in file.properties


def test_apache() -> None:
    directory, file = parsed(APACHE)
    assert (directory.href, directory.is_collection) == ("/dav/", True)
    assert (file.href, file.is_collection) == ("/dav/a%20b.txt", False)
    assert file.properties[f"{DAV}getetag"] == '"5-5e6"'


def test_xrootd_does_not_escape_and_says_nothing_of_the_kind_of_files() -> None:
    directory, file = parsed(XROOTD)
    assert (directory.href, directory.is_collection) == ("/data", True)
    assert (file.href, file.is_collection) == ("/data/a b%20c & d", False)
    assert file.properties[f"{DAV}getcontentlength"] == "5"


def test_nextcloud() -> None:
    directory, file = parsed(NEXTCLOUD)
    assert directory.is_collection
    assert not file.is_collection
    assert file.properties["http://owncloud.org/ns checksums"].split() == ["SHA1:aaf4c61d", "ADLER32:062c0215"]


def test_storm_sends_whole_urls() -> None:
    assert [each.href for each in parsed(STORM)] == [
        "https://storm.example:8443/vo/",
        "https://storm.example:8443/vo/a%2Bb",
    ]


@pytest.mark.parametrize("text", [DCACHE, APACHE, XROOTD, NEXTCLOUD, STORM])
def test_where_the_blocks_are_cut_does_not_matter(text: str) -> None:
    data, whole = text.encode(), parsed(text)
    assert list(parse_multistatus(data[n : n + 1] for n in range(len(data)))) == whole
    for cut in range(len(data)):
        assert list(parse_multistatus([data[:cut], b"", data[cut:]])) == whole


@pytest.mark.parametrize("text", [DCACHE, NEXTCLOUD])
def test_half_a_listing_never_passes_for_a_whole_one(text: str) -> None:
    data = text.rstrip().encode()
    for end in range(len(data)):
        with pytest.raises(ProtocolError):
            parsed(data[:end])


def wrapped(inner: str, declaration: str = "") -> str:
    return f'{declaration}<D:multistatus xmlns:D="DAV:">{inner}</D:multistatus>'


def test_empty() -> None:
    assert parsed(wrapped("")) == []


def test_properties_that_were_not_found_do_not_count() -> None:
    text = wrapped(
        "<D:response><D:href>/a</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype>"
        "<D:getetag>x</D:getetag></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status></D:propstat></D:response>"
    )
    assert parsed(text) == [Resource("/a")]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("<D:status>HTTP/1.1 200 OK</D:status>", True),
        ("<D:status>HTTP/1.1 200</D:status>", True),
        ("<D:status>HTTP/1.1 425 Too Early</D:status>", True),
        ("", True),
        ("<D:status>HTTP/1.1 404 Not Found</D:status>", False),
    ],
)
def test_status_lines(line: str, found: bool) -> None:
    text = wrapped(
        f"<D:response><D:href>/a</D:href><D:propstat><D:prop><D:getetag>x</D:getetag></D:prop>{line}"
        "</D:propstat></D:response>"
    )
    assert bool(parsed(text)[0].properties) is found


def test_the_status_of_the_response_itself() -> None:
    text = wrapped("<D:response><D:href>/a</D:href><D:status>HTTP/1.1 403 Forbidden</D:status></D:response>")
    assert parsed(text) == [Resource("/a", 403)]


def test_only_resourcetype_makes_a_collection() -> None:
    text = wrapped(
        "<D:response><D:href>/a</D:href><D:propstat><D:prop><D:iscollection>1</D:iscollection><D:collection/>"
        '<x:collection xmlns:x="other"/></D:prop></D:propstat></D:response>'
    )
    assert not parsed(text)[0].is_collection


def test_any_prefix_and_unknown_elements() -> None:
    text = (
        '<multistatus xmlns="DAV:" xmlns:q="urn:q"><q:noise><q:deep/></q:noise><response><href>/a</href><propstat>'
        "<prop><q:x>1</q:x><getcontentlength>5</getcontentlength></prop></propstat><q:noise/></response>"
        "<responsedescription>done</responsedescription></multistatus>"
    )
    assert parsed(text)[0].properties == {"urn:q x": "1", f"{DAV}getcontentlength": "5"}


def test_pretty_printing_is_not_part_of_a_name_and_a_space_is() -> None:
    hrefs = [
        each.href
        for each in parsed(
            wrapped("<D:response><D:href>\n  /a\n </D:href></D:response><D:response><D:href>/a </D:href></D:response>")
        )
    ]
    assert hrefs == ["/a", "/a "]


HOSTILE = {
    "nothing": "",
    "no xml": "hello",
    "html": "<html><body>Sign in</body></html>",
    "another root": '<D:prop xmlns:D="DAV:"/>',
    "no namespace": "<multistatus/>",
    "entity bomb": wrapped(
        "<D:response><D:href>&b;</D:href></D:response>", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    ),
    "external entity": wrapped("&x;", '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "empty doctype": wrapped("", "<!DOCTYPE x>"),
    "unknown entity": wrapped("&nope;"),
    "deep": wrapped("<D:x>" * 100 + "</D:x>" * 100),
    "very deep": "<x>" * 100_000,
    "long text": wrapped(f"<D:response><D:href>{'a' * 200_000}</D:href></D:response>"),
    "two roots": wrapped("") + wrapped(""),
    "control characters": wrapped("<D:response><D:href>/a\x01b</D:href></D:response>"),
    "unknown encoding": wrapped("", '<?xml version="1.0" encoding="klingon"?>'),
    "wide encoding": wrapped("", '<?xml version="1.0" encoding="utf-7"?>'),
    "codec that is none": wrapped("", '<?xml version="1.0" encoding="rot13"?>'),
    "lone surrogate": wrapped("<D:response><D:href>&#xD800;</D:href></D:response>"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parsed(HOSTILE[name])
    assert str(caught.value).isprintable()


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ProtocolError):
        parsed(DCACHE.encode().replace(b"run", b"\xff\xfe"))


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parsed(data)


@given(st.data())
def test_any_damage_to_a_good_listing(data: st.DataObject) -> None:
    body = bytearray(DCACHE.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=10))
    said = ""
    try:
        parsed(bytes(body))
    except ProtocolError as error:
        said = str(error)
    assert said.isprintable()


@pytest.mark.parametrize("size", [100, 8192, 65536])
@pytest.mark.parametrize("start", [b'<D:response x="', b"<D:response ", b"<!--", b"<?x ", b"<"])
def test_a_tag_that_does_not_end_is_refused_soon(start: bytes, size: int) -> None:
    """For each further block expat would read it again from its beginning."""
    fed = 0

    def blocks() -> Iterator[bytes]:
        nonlocal fed
        yield b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">' + start
        while fed < 8 * 1024 * 1024:
            fed += size
            yield b"x" * size

    with pytest.raises(ProtocolError, match="a tag that does not end"):
        list(parse_multistatus(blocks()))
    assert 128 * 1024 <= fed + len(start) + size <= 128 * 1024 + 200_000


def test_memory_does_not_grow_with_the_listing() -> None:
    def blocks(count: int) -> Iterator[bytes]:
        yield b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">'
        for n in range(0, count, 100):
            yield b"".join(
                b"<D:response><D:href>/data/%d</D:href><D:propstat><D:prop><D:getcontentlength>%d</D:getcontentlength>"
                b"</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>" % (number, number)
                for number in range(n, n + 100)
            )
        yield b"</D:multistatus>"

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert sum(1 for _ in parse_multistatus(blocks(count))) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(1000), peak(100_000)
    assert many < 2 * few + 100_000
