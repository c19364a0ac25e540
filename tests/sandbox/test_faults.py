"""Scripted faults: each kind, exactly once."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import UsageError
from ctaclient.sandbox import Fault, Sandbox, approve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.conftest import Wire

Place = tuple[str, "Path"]


@pytest.fixture
def file(place: Place) -> str:
    url, directory = place
    (directory / "f").write_bytes(b"0123456789" * 100)
    return f"{url}/f"


def test_unknown_faults_are_refused(box: Sandbox) -> None:
    with pytest.raises(UsageError):
        Fault("explode")
    with pytest.raises(UsageError):
        box.fault("door ", Fault("delay"))


def test_a_fault_waits_for_its_request_and_happens_so_often_as_said(box: Sandbox, wire: Wire, file: str) -> None:
    fault = Fault(
        "status", method="HEAD", path_part=file, times=2, status=429, reason="Calm down", headers={"Retry-After": "7"}
    )
    box.fault("door", fault)
    assert wire.door("HEAD", "/").status == 200
    assert wire.door("PROPFIND", file, {"Depth": "0"}).status == 207
    replies = [wire.door("HEAD", file) for _ in range(3)]
    assert [reply.status for reply in replies] == [429, 429, 200]
    assert (replies[0].reason, replies[0].headers["retry-after"]) == ("Calm down", "7")
    assert box.faults_waiting("door") == []


def test_of_many_requests_at_once_exactly_the_scripted_number_suffers(box: Sandbox, wire: Wire, file: str) -> None:
    box.fault("door", Fault("status", path_part=file, times=5, status=500))
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: wire.door("HEAD", file).status, range(24)))
    assert statuses.count(500) == 5
    assert statuses.count(200) == 19


def test_an_early_answer_leaves_the_body_unread(box: Sandbox, wire: Wire, place: Place) -> None:
    url, directory = place
    box.fault("door", Fault("status", path_part=url, status=403, body="no", read_body=False))
    reply = wire.door("PUT", f"{url}/f", {"Content-Length": "100000000"})
    assert (reply.status, reply.body, reply.headers["connection"]) == (403, b"no", "close")
    assert box.records("door")[-1].body_bytes == 0
    box.fault("door", Fault("status", path_part=url, status=403))
    assert wire.door("PUT", f"{url}/f", body=b"x" * 1000).status == 403
    assert box.records("door")[-1].body_bytes == 1000
    assert not (directory / "f").exists()


def test_dropped_connections_before_and_after_the_work(box: Sandbox, wire: Wire, place: Place) -> None:
    url, directory = place
    for action, done in (("drop_before", False), ("drop_after", True)):
        box.fault("door", Fault(action, method="MKCOL", path_part=url))
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            wire.door("MKCOL", f"{url}/d")
        assert (directory / "d").exists() is done
        assert box.records("door")[-1].status == 0


def test_a_cut_download_has_a_complete_head_and_a_short_body(box: Sandbox, wire: Wire, file: str) -> None:
    for size in (0, 700):
        location = wire.promise("GET", file)
        box.fault("pool", Fault("cut_response", path_part=file, after_bytes=size))
        with pytest.raises(http.client.IncompleteRead) as caught:
            wire.ask("GET", location)
        assert len(caught.value.partial) == size
        assert box.records("pool")[-1].sent_bytes == size


def test_a_cut_upload_stays_at_the_pool_and_not_at_the_door(box: Sandbox, wire: Wire, place: Place) -> None:
    url, directory = place
    location = wire.promise("PUT", f"{url}/pool")
    box.fault("pool", Fault("cut_request", path_part=url, after_bytes=300))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        wire.ask("PUT", location, body=b"x" * 1000)
    assert (directory / "pool").read_bytes() == b"x" * 300
    box.fault("door", Fault("cut_request", path_part=url, after_bytes=300))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        wire.door("PUT", f"{url}/door", body=b"x" * 1000)
    assert not (directory / "door").exists()


@pytest.mark.parametrize("action", ["stall", "delay"])
def test_waiting_faults_wait(box: Sandbox, wire: Wire, file: str, action: str) -> None:
    location = wire.promise("GET", file)
    box.fault("pool", Fault(action, path_part=file, after_bytes=100, seconds=0.3))
    start = time.monotonic()
    assert len(wire.ask("GET", location).body) == 1000
    assert time.monotonic() - start >= 0.3


def test_wrong_digests_keep_their_form(box: Sandbox, wire: Wire, file: str) -> None:
    wanted = {"Want-Digest": "md5"}
    true = wire.door("HEAD", file, wanted).headers["digest"]
    box.fault("door", Fault("wrong_digest", path_part=file, times=2))
    false = wire.door("HEAD", file, wanted).headers["digest"]
    assert false != true
    assert len(false) == len(true)
    question = b'<propfind xmlns="DAV:"><prop><Checksums xmlns="http://www.dcache.org/2013/webdav"/></prop></propfind>'
    lie, truth = (wire.door("PROPFIND", file, {"Depth": "0"}, question).body for _ in range(2))
    assert false.encode() in lie
    assert true.encode() in truth
    assert len(lie) == len(truth)


def test_corruption_on_both_ways(box: Sandbox, wire: Wire, place: Place, file: str) -> None:
    url, directory = place
    box.fault("pool", Fault("corrupt", path_part=url, times=2))
    body = wire.ask("GET", wire.promise("GET", file)).body
    assert sum(a != b for a, b in zip(body, b"0123456789" * 100, strict=True)) == 1
    wire.ask("PUT", wire.promise("PUT", f"{url}/up"), body=b"AAAA")
    assert (directory / "up").read_bytes() == b"@AAA"
    assert (directory / "f").read_bytes() == b"0123456789" * 100


def test_a_lost_tail_is_told_by_the_count(box: Sandbox, wire: Wire, place: Place) -> None:
    url, directory = place
    box.fault("pool", Fault("short_store", path_part=url, after_bytes=3))
    reply = wire.ask("PUT", wire.promise("PUT", f"{url}/f"), body=b"0123456789")
    assert (reply.status, reply.body) == (201, b"7 bytes uploaded\r\n")
    assert (directory / "f").read_bytes() == b"0123456"


def test_redirects_can_lead_elsewhere_or_be_missing(box: Sandbox, wire: Wire, place: Place, file: str) -> None:
    url, directory = place
    box.fault("door", Fault("location", path_part=url, location="http://[::1]:9/x"))
    assert wire.door("GET", file).headers["location"] == "http://[::1]:9/x"
    box.fault("door", Fault("no_redirect", path_part=url, times=2))
    assert wire.door("GET", file).body == b"0123456789" * 100
    assert wire.door("PUT", f"{url}/g", {"Expect": "100-continue", "Content-Length": "0"}).status == 201
    assert (directory / "g").read_bytes() == b""


def test_raw_multistatus(box: Sandbox, wire: Wire, place: Place) -> None:
    box.fault("door", Fault("raw_multistatus", path_part=place[0], body="<not \udcff xml"))
    reply = wire.door("PROPFIND", place[0], {"Depth": "1"})
    assert (reply.status, reply.body) == (207, b"<not \xff xml")


@pytest.mark.parametrize("action", ["truncate_json", "html", "drop_after"])
def test_lost_answers_of_the_issuer_come_after_the_work(box: Sandbox, wire: Wire, action: str) -> None:
    start = wire.start_login()
    approve(start["verification_uri"], start["user_code"], box.ca_file)
    token = wire.poll(start["device_code"]).json()["refresh_token"]
    box.fault("issuer", Fault(action, method="POST", path_part="/token"))
    if action == "drop_after":
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            wire.refresh(token)
    else:
        reply = wire.refresh(token)
        assert reply.status == 200
        with pytest.raises(json.JSONDecodeError):
            reply.json()
    assert wire.refresh(token).json()["error"] == "invalid_grant"  # it was spent


def test_faults_can_be_forgotten(box: Sandbox) -> None:
    box.fault("pool", Fault("delay", path_part="/never", seconds=1))
    assert len(box.faults_waiting("pool")) == 1
    box.clear_faults()
    assert box.faults_waiting("pool") == []
