"""PROPFIND on the wire."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient.sandbox import Sandbox
    from tests.sandbox.conftest import Wire

Place = tuple[str, "Path"]
DCACHE = "{http://www.dcache.org/2013/webdav}"
QUESTION = (
    b'<?xml version="1.0"?>\n'
    b'<d:propfind xmlns:d="DAV:" xmlns:c="http://www.dcache.org/2013/webdav" xmlns:u="urn:unknown">'
    b"<d:prop><d:getcontentlength/><d:resourcetype/><d:iscollection/><c:Checksums/><u:thing/></d:prop></d:propfind>"
)


@pytest.fixture
def deep(place: Place) -> str:
    url, directory = place
    (directory / "1/2/3/4/5").mkdir(parents=True)
    (directory / "f").write_bytes(b"hello")
    return url


@pytest.mark.parametrize(
    ("headers", "below"),
    [
        ({"Depth": "0"}, [""]),
        ({"Depth": "1"}, ["", "1/", "f"]),
        ({"Depth": "infinity"}, ["", "1/", "1/2/", "1/2/3/", "f"]),
        ({}, ["", "1/", "1/2/", "1/2/3/", "f"]),
    ],
)
def test_depth(wire: Wire, deep: str, headers: dict[str, str], below: list[str]) -> None:
    hrefs = list(wire.door("PROPFIND", deep, headers).responses())
    assert hrefs[0] == f"{deep}/"
    assert sorted(hrefs) == [f"{deep}/{name}" for name in below]


def test_two_propstats_tell_what_is_there_and_what_is_not(wire: Wire, deep: str) -> None:
    reply = wire.door("PROPFIND", deep, {"Depth": "1"}, QUESTION)
    file, directory = reply.responses()[f"{deep}/f"], reply.responses()[f"{deep}/1/"]
    found, missing = file.findall("{DAV:}propstat")
    assert found.findtext("{DAV:}status") == "HTTP/1.1 200 OK"
    assert found.findtext(".//{DAV:}getcontentlength") == "5"
    assert found.findtext(f".//{DCACHE}Checksums") == "md5=XUFAKrxLKna5cZ2REBfFkg==,adler32=062c0215"
    assert found.findtext(".//{DAV:}iscollection") == "FALSE"
    assert missing.findtext("{DAV:}status") == "HTTP/1.1 404 Not Found"
    assert missing.find(".//{urn:unknown}thing") is not None
    assert directory.find(".//{DAV:}resourcetype/{DAV:}collection") is not None
    assert directory.findtext(".//{DAV:}getcontentlength") == ""  # named, among the missing
    brief = wire.door("PROPFIND", f"{deep}/f", {"Depth": "0", "Brief": "t"}, QUESTION).responses()[f"{deep}/f"]
    assert len(brief.findall("{DAV:}propstat")) == 1


def test_an_empty_body_gets_the_default_properties_and_allprop_all(wire: Wire, deep: str) -> None:
    def names(body: bytes | None) -> set[str]:
        response = wire.door("PROPFIND", f"{deep}/f", {"Depth": "0"}, body).responses()[f"{deep}/f"]
        return {element.tag.rpartition("}")[2] for element in response.iterfind(".//{DAV:}prop/*")}

    default = {"creationdate", "getlastmodified", "displayname", "resourcetype", "getcontenttype", "getcontentlength"}
    everything = {"iscollection", "Checksums", "FileLocality", "AccessLatency", "RetentionPolicy"}
    assert names(None) == default | {"getetag"}
    assert names(b'<propfind xmlns="DAV:"><allprop/></propfind>') == default | everything | {"getetag"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Depth": "some"}, b""),
        ({"Depth": "0"}, b"<broken"),
        ({"Depth": "0"}, b'<!DOCTYPE x [<!ENTITY a "b">]><propfind xmlns="DAV:"><allprop/></propfind>'),
    ],
)
def test_bad_questions(wire: Wire, headers: dict[str, str], body: bytes) -> None:
    assert wire.door("PROPFIND", "/", headers, body).status == 400


def test_hrefs_are_encoded_as_at_dcache_and_names_need_not_be_text(wire: Wire, place: Place) -> None:
    url, directory = place
    names = [b"a b", b"a+b", b"100%", b"a%20b", b"a#b", b"a?b", b"~(1)!'", b"\xff", b"\x01\n", "u\u0308".encode()]
    for name in names:
        (directory / os.fsdecode(name)).touch()
    listed = wire.door("PROPFIND", url, {"Depth": "1"}).responses()
    encoded = {"a%20b", "a%2Bb", "100%25", "a%2520b", "a%23b", "a%3Fb", "%7E%281%29%21%27", "%FF", "%01%0A", "u%CC%88"}
    assert set(listed) == {f"{url}/"} | {f"{url}/{name}" for name in encoded}
    assert listed[f"{url}/%FF"].find(".//{DAV:}displayname") is None
    assert listed[f"{url}/u%CC%88"].findtext(".//{DAV:}displayname") == "u\u0308"


def test_a_file_still_being_written_has_no_length(wire: Wire, place: Place) -> None:
    url, _ = place
    location = wire.promise("PUT", f"{url}/f")

    def length() -> str | None:
        response = wire.door("PROPFIND", f"{url}/f", {"Depth": "0"}).responses()[f"{url}/f"]
        return response.findtext(".//{DAV:}getcontentlength")

    assert length() is None
    assert wire.ask("PUT", location, body=b"data").status == 201
    assert length() == "4"


def test_a_directory_one_may_not_list_looks_empty(box: Sandbox, wire: Wire, deep: str) -> None:
    token = box.mint(scope=f"storage.create:{deep}/1")
    assert list(wire.door("PROPFIND", f"{deep}/1/2", {"Depth": "1"}, token=token).responses()) == [f"{deep}/1/2/"]


def test_nothing_there(wire: Wire, place: Place) -> None:
    assert wire.door("PROPFIND", f"{place[0]}/none", {"Depth": "0"}).status == 404
