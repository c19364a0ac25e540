"""The pool on the wire: one-use ids, ranges, uploads."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient.sandbox import Sandbox
    from tests.sandbox.conftest import Wire

Place = tuple[str, "Path"]


@pytest.fixture
def file(place: Place) -> str:
    url, directory = place
    (directory / "f").write_bytes(b"0123456789")
    return f"{url}/f"


def test_a_whole_get_spends_the_id(box: Sandbox, wire: Wire, file: str) -> None:
    location = wire.promise("GET", file)
    reply = wire.ask("GET", location, {"Want-Digest": "adler32"})
    assert (reply.status, reply.body) == (200, b"0123456789")
    assert reply.headers["digest"] == "adler32=0aff020e"
    assert reply.headers["content-location"] == box.storage_url + file
    assert reply.headers.keys().isdisjoint({"etag", "last-modified", "content-type"})
    again = wire.ask("GET", location)
    assert (again.status, again.headers["location"]) == (307, box.storage_url + file)


def test_ranges_keep_the_id_while_their_connection_lives(box: Sandbox, wire: Wire, file: str) -> None:
    location = wire.promise("GET", file)
    connection = wire.connect(location)
    for span, body in (("0-3", b"0123"), ("8-99", b"89"), ("-2", b"89"), ("5-", b"56789"), ("3-1,4-4", b"4")):
        reply = wire.ask("GET", location, {"Range": f"bytes={span}"}, connection=connection)
        assert (reply.status, reply.body) == (206, body)
    assert reply.headers["content-range"] == "bytes 4-4/10"
    last = wire.ask("GET", location, {"Range": "bytes=0-0", "Connection": "close"}, connection=connection)
    assert last.body == b"0"
    connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=10-"}, 416),
        ({"Range": "bytes=3-1"}, 416),
        ({"Range": "bytes=-0"}, 416),
        ({"Range": "lines=0-1"}, 400),
        ({"Range": "bytes=x"}, 400),
        ({"Range": "bytes=-"}, 400),
        ({"Range": "bytes=10-", "If-Range": '"x"'}, 200),
    ],
)
def test_bad_ranges(wire: Wire, file: str, headers: dict[str, str], status: int) -> None:
    assert wire.ask("GET", wire.promise("GET", file), headers).status == status


def test_any_range_of_an_empty_file_is_unsatisfiable(wire: Wire, place: Place) -> None:
    url, directory = place
    (directory / "empty").touch()
    assert wire.ask("GET", wire.promise("GET", f"{url}/empty"), {"Range": "bytes=0-0"}).status == 416


def test_ids_are_bound_to_path_and_direction(box: Sandbox, wire: Wire, place: Place, file: str) -> None:
    _, directory = place
    (directory / "other").write_bytes(b"secret")
    location = wire.promise("GET", file)
    assert wire.ask("GET", location.replace("/f?", "/other?")).status == 400
    assert wire.ask("PUT", location, body=b"x").status == 405
    assert wire.ask("GET", location).status == 200
    bare = wire.ask("GET", f"{box.pool_url}{file}?dcache-http-uuid=00000000-0000-0000-0000-000000000000")
    assert (bare.status, bare.headers["content-length"]) == (400, "0")
    assert "resubmit to door" in bare.reason
    assert wire.ask("GET", box.pool_url + file, {"Authorization": f"Bearer {box.mint()}"}).status == 400
    assert wire.ask("DELETE", location).status == 501


def test_a_token_is_ignored_but_recorded(box: Sandbox, wire: Wire, file: str) -> None:
    token = box.mint()
    wire.ask("GET", wire.promise("GET", file), {"Authorization": f"Bearer {token}"})
    record = box.records("pool")[-1]
    assert record.authorization == hashlib.sha256(token.encode()).hexdigest()[:12]
    assert record.has("authorization")


def test_put_stores_and_tells_the_size_and_the_digest(box: Sandbox, wire: Wire, place: Place) -> None:
    url, directory = place
    location = wire.promise("PUT", f"{url}/new/f", {"X-OC-Mtime": "1000000000"})
    before = len(box.records("door"))
    reply = wire.ask("PUT", location, {"Want-Digest": "adler32"}, b"x" * 300_000)
    assert (reply.status, reply.body) == (201, b"300000 bytes uploaded\r\n")
    assert reply.headers["location"] == f"{box.storage_url}{url}/new/f"
    assert reply.headers["x-oc-mtime"] == "accepted"
    assert reply.headers["digest"].startswith("adler32=")
    assert (directory / "new/f").read_bytes() == b"x" * 300_000
    assert (directory / "new/f").stat().st_mtime == 1_000_000_000
    assert box.records("pool")[-1].body_bytes == 300_000
    assert len(box.records("door")) == before
    assert wire.ask("PUT", location, body=b"again").status == 307
    assert (directory / "new/f").read_bytes() == b"x" * 300_000


def test_put_takes_chunks_and_answers_expect(wire: Wire, place: Place) -> None:
    url, directory = place
    connection = wire.connect(wire.box.pool_url)
    location = wire.promise("PUT", f"{url}/f")
    target = "/" + location.split("/", 3)[3]
    connection.request("PUT", target, iter([b"one ", b"two"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().read() == b"7 bytes uploaded\r\n"
    connection.close()
    assert (directory / "f").read_bytes() == b"one two"
    location = wire.promise("PUT", f"{url}/g")
    connection.connect()
    head = f"PUT /{location.split('/', 3)[3]} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    connection.sock.sendall(head.encode())
    assert connection.sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sock.sendall(b"data")
    assert connection.sock.recv(1000).startswith(b"HTTP/1.1 201 ")
    connection.close()


@pytest.mark.parametrize("name", ["Content-Type", "content-range", "Content-Encoding"])
def test_content_headers_are_not_implemented(wire: Wire, place: Place, name: str) -> None:
    reply = wire.ask("PUT", wire.promise("PUT", f"{place[0]}/f"), {name: "x"}, b"data")
    assert (reply.status, reply.reason, reply.body) == (501, f"{name} is not implemented", b"")


def test_failed_uploads_leave_what_came(wire: Wire, place: Place) -> None:
    url, directory = place
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert wire.ask("PUT", wire.promise("PUT", f"{url}/md5"), {"Content-MD5": wrong}, b"data").status == 400
    assert (directory / "md5").read_bytes() == b"data"
    declared = wire.promise("PUT", f"{url}/size", {"Content-Length": "9"})
    assert wire.ask("PUT", declared, body=b"data").reason.startswith("File size mismatch")
    connection = wire.connect(wire.box.pool_url)
    connection.putrequest("PUT", "/" + wire.promise("PUT", f"{url}/cut").split("/", 3)[3])
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"only this")
    connection.close()
    eventually(lambda: (directory / "cut").read_bytes() == b"only this")


def test_an_entry_that_was_replaced_is_not_written_by_the_old_promise(wire: Wire, place: Place) -> None:
    url, directory = place
    old, new = wire.promise("PUT", f"{url}/f"), wire.promise("PUT", f"{url}/f")
    assert wire.ask("PUT", new, body=b"new").status == 201
    assert wire.ask("PUT", old, body=b"old").status == 307
    assert (directory / "f").read_bytes() == b"new"
    assert os.listdir(directory) == ["f"]
