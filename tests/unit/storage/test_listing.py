"""Listings: what is asked, what is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from ctaclient.errors import CtaError, Forbidden, LoginRequired, NotFound, ProtocolError
from ctaclient.storage.listing import find, scan, stat, walk
from ctaclient.storage.path import RemotePath
from tests.unit.storage.conftest import Wire, a_storage, item, listing, response

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = RemotePath.parse("/data")


def names(wire: Wire, path: RemotePath = DATA, url: str = "https://door.example:2880") -> list[str]:
    return [str(entry.path) for entry in scan(a_storage(wire, url), path)]


def test_depth_is_always_said_and_the_quoting_is_ours() -> None:
    wire = Wire(lambda request: listing(item("/a%20%23b", size=1)))
    stat(a_storage(wire), RemotePath.parse("/a #b"))
    assert wire.lines == ["PROPFIND /a%20%23b"]
    assert wire.asked[0].headers["Depth"] == "0"
    wire = Wire(lambda request: listing(item("/")))
    list(scan(a_storage(wire), RemotePath()))
    assert (wire.lines, wire.asked[0].headers["Depth"]) == (["PROPFIND /"], "1")


def test_the_children_and_itself_in_the_servers_order() -> None:
    wire = Wire(lambda _: listing(item("/data/b", size=1), item("/data/"), item("/data/a/")))
    assert names(wire) == ["/data/b", "/data", "/data/a"]


@pytest.mark.parametrize("self_href", ["/data", "/data/", "//data//", "https://other:8443/data/", "/%64ata"])
def test_itself_in_any_spelling(self_href: str) -> None:
    assert names(Wire(lambda _: listing(item(self_href), item("/data/a", size=1)))) == ["/data", "/data/a"]


def test_below_a_base() -> None:
    url = "https://cloud.example/remote.php/dav/files/me%20too/"
    wire = Wire(
        lambda _: listing(item("/remote.php/dav/files/me%20too/data/"), item("/remote.php/dav/files/me%20too/data/a"))
    )
    assert names(wire, DATA, url) == ["/data", "/data/a"]
    assert wire.lines == ["PROPFIND /remote.php/dav/files/me%20too/data"]


def test_a_server_that_normalises_names_is_understood() -> None:
    asked = RemotePath.parse("/u\u0308")
    wire = Wire(lambda _: listing(item("/%C3%BC/"), item("/%C3%BC/a", size=1)))
    assert names(wire, asked) == [str(asked), f"{asked}/a"]


@pytest.mark.parametrize(
    "href",
    ["/", "/other", "/data/a/b", "/dat", "/data2/a", "/data/../x", "/data/a%2F..%2Fb", "https://door/etc/passwd", ""],
)
def test_what_is_outside_is_refused(href: str) -> None:
    with pytest.raises(ProtocolError, match="refused"):
        names(Wire(lambda _: listing(item("/data/"), item(href, size=1))))


def test_a_listing_without_itself_is_no_empty_directory() -> None:
    for found in (listing(), listing(item("/data/a", size=1))):
        with pytest.raises(ProtocolError, match="does not contain it"):
            names(Wire(lambda _, found=found: found))  # type: ignore[misc]


def test_raw_names_of_xrootd() -> None:
    wire = Wire(lambda _: listing(item("/data"), item("/data/a%20b", size=1), server="XrootD/v5.5.3"))
    assert names(wire) == ["/data", "/data/a%20b"]


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (403, Forbidden), (401, LoginRequired), (200, ProtocolError)]
)
def test_statuses(status: int, kind: type[CtaError]) -> None:
    wire = Wire(lambda _: response(status, "text"))
    with pytest.raises(kind, match="cannot look at /data"):
        stat(a_storage(wire), DATA)


def test_find_is_none_only_where_nothing_is() -> None:
    assert find(a_storage(Wire(lambda _: response(404))), DATA) is None
    with pytest.raises(Forbidden):
        find(a_storage(Wire(lambda _: response(403))), DATA)


def test_nothing_said() -> None:
    with pytest.raises(ProtocolError, match="says nothing about /data"):
        stat(a_storage(Wire(lambda _: listing())), DATA)


TREE = {
    "/data": listing(item("/data/"), item("/data/x/"), item("/data/a", size=1), item("/data/y/")),
    "/data/x": response(403),
    "/data/y": listing(item("/data/y/"), item("/data/y/b", size=2)),
}


def test_a_directory_that_cannot_be_listed_does_not_stop_the_others() -> None:
    wire = Wire(lambda request: TREE[request.url.path.rstrip("/")])
    failed: list[tuple[str, CtaError]] = []
    found = [
        str(each.path) for each in walk(a_storage(wire), DATA, lambda path, error: failed.append((str(path), error)))
    ]
    assert found == ["/data/x", "/data/a", "/data/y", "/data/y/b"]
    assert [(path, type(error)) for path, error in failed] == [("/data/x", Forbidden)]


def test_a_refused_login_stops_all() -> None:
    wire = Wire(
        lambda request: (
            response(401) if request.url.path.startswith("/data/x") else listing(item("/data/"), item("/data/x/"))
        )
    )
    with pytest.raises(LoginRequired):
        list(walk(a_storage(wire), DATA, lambda *_: None))


GONE = "<D:response><D:href>/data/gone</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>"


def test_what_vanished_while_it_was_listed_is_left_out() -> None:
    wire = Wire(lambda _: listing(item("/data/"), GONE, item("/data/a", size=1)))
    assert names(wire) == ["/data", "/data/a"]


def test_what_is_asked_about_cannot_be_left_out() -> None:
    with pytest.raises(NotFound):
        stat(a_storage(Wire(lambda _: listing(GONE))), RemotePath.parse("/data/gone"))


def test_a_part_that_is_refused_is_not_left_out() -> None:
    wire = Wire(lambda _: listing(item("/data/"), GONE.replace("404 Not Found", "403 Forbidden")))
    with pytest.raises(Forbidden, match="cannot list /data: 403 for a part of it"):
        names(wire)


@pytest.mark.parametrize("status", [405, 501])
def test_no_webdav_server(status: int) -> None:
    with pytest.raises(ProtocolError, match="cannot list /data: the server knows no PROPFIND") as caught:
        names(Wire(lambda _: response(status)))
    assert caught.value.hint == "is the storage URL a WebDAV server?"
    with pytest.raises(ProtocolError, match="cannot look at /data: the server knows no PROPFIND"):
        stat(a_storage(Wire(lambda _: response(status))), DATA)


class Noted(httpx.SyncByteStream):
    """A body in two pieces that notes when it has been read to its end."""

    def __init__(self, body: bytes, note: list[str], what: str) -> None:
        self._body, self._note, self._what = body, note, what

    def __iter__(self) -> Iterator[bytes]:
        yield self._body[: len(self._body) // 2]
        yield self._body[len(self._body) // 2 :]
        self._note.append(self._what)


def test_a_walk_reads_each_listing_to_its_end_and_asks_for_directories_as_such() -> None:
    """The caller may transfer files between two entries: no server waits with half a listing for that."""
    events: list[str] = []
    tree = {
        "/data/": listing(item("/data/"), *(item(f"/data/{name}", size=1) for name in "abc"), item("/data/y/")),
        "/data/y/": listing(item("/data/y/"), item("/data/y/d", size=1)),
    }

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        return httpx.Response(207, stream=Noted(tree[path].read(), events, path))

    wire = Wire(answer)
    events.extend(entry.name for entry in walk(a_storage(wire), DATA, lambda *_: None))
    assert events == ["/data/", "a", "b", "c", "y", "/data/y/", "d"]
    assert wire.lines == ["PROPFIND /data/", "PROPFIND /data/y/"]
