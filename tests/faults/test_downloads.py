"""Downloads that go wrong on the way: the old local file stays, and nothing of ours is left."""

from __future__ import annotations

import gzip
import threading
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import Changed, CtaError, Disconnected, IntegrityError, Nearline, ProtocolError, ServerError
from ctaclient.errors import Timeout as TimedOut
from ctaclient.sandbox import Fault
from tests.faults.conftest import large, unchanged
from tests.faults.program import finish_child, start_child
from tests.faults.small_dav import SmallDav

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient import Client
    from ctaclient.transport.requests import Requests
    from tests.faults.bytes_server import Head, Serve, Talk
    from tests.faults.conftest import Spot
    from tests.faults.program import Program

# Where a GET can break: server, fault, exit code.
BREAKS = {
    "cut at the start": ("pool", Fault("cut_response", "GET", after_bytes=0), 7),
    "cut in the middle": ("pool", Fault("cut_response", "GET", after_bytes=150_000), 7),
    "dropped by the door": ("door", Fault("drop_before", "GET"), 7),
    "dropped by the pool": ("pool", Fault("drop_after", "GET"), 7),
    "flipped byte": ("pool", Fault("corrupt", "GET"), 8),
    "wrong digest": ("door", Fault("wrong_digest", "PROPFIND"), 8),
    "door down": ("door", Fault("status", "GET", status=503), 7),
    "pool full": ("pool", Fault("status", "GET", status=507), 10),
    "portal": ("door", Fault("html", "GET"), 8),
    "plain http": ("door", Fault("location", "GET", location="http://localhost:1/f"), 7),
    "nowhere": ("door", Fault("location", "GET", location="https://localhost:1/f"), 7),
    "no URL": ("door", Fault("location", "GET", location="https://[::1"), 7),
    "partial": ("pool", Fault("status", "GET", status=206, body="part"), 7),
    "no content": ("pool", Fault("status", "GET", status=204), 7),
    "not modified": ("pool", Fault("status", "GET", status=304), 7),
}


@pytest.fixture
def full(spot: Spot, here: Path) -> Spot:
    """`/f` on the server, an older `f` here."""
    large(spot.directory, "f", 300_000)
    (here / "f").write_bytes(b"old")
    return spot


class TestBreaks:
    @pytest.mark.parametrize("kind", BREAKS)
    def test_leave_the_old_file(self, program: Program, full: Spot, here: Path, kind: str) -> None:
        server, fault, code = BREAKS[kind]
        full.sandbox.fault(server, _here(fault, full))
        with unchanged(full.directory, here):
            program("get", "--overwrite", "/f", here).check_failed(code)
        assert full.sandbox.faults_waiting(server) == []
        program("get", "--overwrite", "/f", here)
        assert (here / "f").read_bytes() == (full.directory / "f").read_bytes()

    @pytest.mark.parametrize("kind", BREAKS)
    def test_leave_nothing_where_nothing_was(self, client: Client, full: Spot, here: Path, kind: str) -> None:
        server, fault, code = BREAKS[kind]
        full.sandbox.fault(server, _here(fault, full))
        with unchanged(full.directory, here), pytest.raises(CtaError) as caught:
            client.get("/f", here / "new")
        assert caught.value.exit_code == code

    def test_of_one_file_leave_the_others_of_a_tree(self, program: Program, full: Spot, here: Path) -> None:
        (full.directory / "g").write_bytes(b"good")
        full.sandbox.fault("pool", Fault("cut_response", "GET", f"{full.name}/f", after_bytes=10))
        outcome = program("get", "-r", "--overwrite", "/", here)
        assert outcome.code == 3
        assert {path.name: path.read_bytes() for path in here.iterdir()} == {"f": b"old", "g": b"good"}
        assert "1 of 3 items failed" in outcome.err


def _here(fault: Fault, spot: Spot) -> Fault:
    return Fault.from_json(fault.to_json().replace(b'"path_part": null', f'"path_part": "{spot.name}"'.encode()))


class TestTape:
    @pytest.mark.parametrize(("locality", "code"), [("NEARLINE", 9), ("LOST", 7), ("UNAVAILABLE", 7)])
    def test_what_is_not_on_disk_is_not_asked_for(
        self, program: Program, full: Spot, here: Path, locality: str, code: int
    ) -> None:
        full.sandbox.set_locality(f"/{full.name}/f", locality)
        with unchanged(full.directory, here):
            program("get", "--overwrite", "/f", here).check_failed(code)
        assert full.records("door", "GET") + full.records("pool") == []

    def test_a_tree_goes_on_without_it(self, client: Client, full: Spot, here: Path) -> None:
        (full.directory / "g").write_bytes(b"good")
        full.sandbox.set_locality(f"/{full.name}/f", "NEARLINE")
        with pytest.raises(CtaError) as caught:
            client.get("/", here, recursive=True, overwrite=True)
        assert caught.value.exit_code == 3
        (failed,) = caught.value.report.failed  # type: ignore[attr-defined]
        assert isinstance(failed.error, Nearline)
        assert (here / "g").read_bytes() == b"good"

    def test_a_copy_on_disk_is_enough(self, client: Client, full: Spot, here: Path) -> None:
        full.sandbox.set_locality(f"/{full.name}/f", "ONLINE_AND_NEARLINE")
        client.get("/f", here, overwrite=True)
        assert (here / "f").stat().st_size == 300_000


class TestLies:
    """Answers that only a server of bytes gives."""

    @pytest.fixture
    def get(self, serve: Serve, client_at: Callable[..., Client], here: Path) -> Callable[..., None]:
        """Gets `/f` (ten bytes) from a server that answers GET by `answer`, and nothing may stay here."""

        def get(answer: Callable[[Talk], None]) -> None:
            def twist(talk: Talk, head: Head) -> bool:
                if head.method == "GET":
                    answer(talk)
                return head.method == "GET"

            store = SmallDav(twist)
            store.files["/f"] = b"0123456789"
            with unchanged(here):
                client_at(serve(store).url).get("/f", here)

        return get

    @pytest.mark.parametrize("body", [b"", b"01234", b"0123456789x"])
    def test_another_length_than_listed(self, get: Callable[..., None], body: bytes) -> None:
        with pytest.raises(IntegrityError, match=f"10 bytes were listed, {len(body)} came"):
            get(lambda talk: talk.answer(200, body=body))

    def test_more_than_announced(self, get: Callable[..., None]) -> None:
        with pytest.raises(ProtocolError, match="more than the 0 bytes it announced"):
            get(lambda talk: talk.answer(200, {"Content-Length": "0"}, b"0123456789"))

    def test_chunks_that_break_off(self, get: Callable[..., None]) -> None:
        def answer(talk: Talk) -> None:
            talk.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n")
            talk.linger()

        with pytest.raises((Disconnected, ProtocolError)):
            get(answer)

    def test_chunks_that_end_too_early(self, get: Callable[..., None]) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        with pytest.raises(IntegrityError):
            get(lambda talk: talk.say(head + b"5\r\n01234\r\n0\r\n\r\n"))

    def test_a_body_that_ends_with_the_connection(self, get: Callable[..., None]) -> None:
        def answer(talk: Talk) -> None:
            talk.say(b"HTTP/1.1 200 OK\r\n\r\n01234")
            talk.linger()

        with pytest.raises(IntegrityError):
            get(answer)

    @pytest.mark.parametrize("length", [b"ten", b"-1", b"10, 11", b"10\r\nContent-Length: 11", b"99999999999999999999"])
    def test_a_length_that_is_none(self, get: Callable[..., None], length: bytes) -> None:
        def answer(talk: Talk) -> None:
            talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n0123456789")
            talk.linger()

        with pytest.raises(CtaError) as caught:
            get(answer)
        assert caught.value.exit_code == 7

    @pytest.mark.parametrize(
        "head", [b"", b"\r\n\r\n", b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX" * 9000, b"\x00" * 300]
    )
    def test_no_proper_head(self, get: Callable[..., None], head: bytes) -> None:
        def answer(talk: Talk) -> None:
            talk.say(head)
            talk.linger()

        with pytest.raises((Disconnected, ProtocolError)):
            get(answer)

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-gzip"])
    def test_compressed_although_identity_was_asked_for(self, get: Callable[..., None], encoding: str) -> None:
        with pytest.raises(ProtocolError, match="although that was refused"):
            get(lambda talk: talk.answer(200, {"Content-Encoding": encoding}, gzip.compress(b"0123456789")))

    def test_another_version_than_looked_at(self, serve: Serve, client_at: Callable[..., Client], here: Path) -> None:
        listed = (
            '<multistatus xmlns="DAV:"><response><href>/f</href><propstat><prop><resourcetype/><getcontentlength>3'
            '</getcontentlength><getetag>"one"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat></response>'
            "</multistatus>"
        )

        def twist(talk: Talk, head: Head) -> bool:
            talk.body(head)
            if head.method == "PROPFIND":
                talk.answer(207, body=listed.encode())
            else:
                talk.answer(200, {"ETag": '"two"', "Content-Length": "3"}, b"" if head.method == "HEAD" else b"two")
            return True

        with unchanged(here), pytest.raises(Changed, match="changed since it was looked at"):
            client_at(serve(SmallDav(twist)).url).get("/f", here)

    def test_a_server_that_falls_silent(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        over = threading.Event()

        def stall(talk: Talk) -> None:
            talk.hear()
            talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
            over.wait(20)

        server = serve(stall)
        with (
            requests_to(server.url, stall_s=0.2).send("GET", f"{server.url}/f") as answer,
            pytest.raises(TimedOut, match="timed out waiting for localhost"),
        ):
            list(answer.blocks())
        over.set()

    def test_a_server_that_never_answers(self, serve: Serve, requests_to: Callable[..., Requests]) -> None:
        over = threading.Event()

        def handle(talk: Talk) -> None:
            talk.hear()
            over.wait(20)

        server = serve(handle)
        with pytest.raises(TimedOut):
            requests_to(server.url, first_byte_s=0.2).send("GET", f"{server.url}/f")
        over.set()

    def test_a_file_that_is_still_being_written(self, client: Client, spot: Spot, here: Path) -> None:
        """It has no length, and its locality is NONE (storage.md 1.7)."""
        spot.sandbox.fault("door", Fault("status", "GET", spot.name, status=500, reason="Not yet"))
        (spot.directory / "f").write_bytes(b"x")
        with unchanged(here), pytest.raises(ServerError):
            client.get("/f", here)


class TestDiskFull:
    """A limit on the size of files is the one full disk that a test can have without being root."""

    LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"

    @pytest.mark.usefixtures("program")
    def test_leaves_the_old_file(self, full: Spot, here: Path) -> None:
        with unchanged(full.directory, here):
            outcome = finish_child(start_child("get", "--overwrite", "/f", here, before=self.LIMIT))
        outcome.check_failed(10)
        assert "free space on this disk" in outcome.err

    @pytest.mark.usefixtures("program")
    def test_leaves_nothing_where_nothing_was(self, full: Spot, here: Path) -> None:
        with unchanged(full.directory, here):
            finish_child(start_child("get", "/f", here / "new", before=self.LIMIT)).check_failed(10)

    @pytest.mark.usefixtures("program")
    def test_of_a_tree_what_fits_is_there(self, full: Spot, here: Path) -> None:
        (full.directory / "small").write_bytes(b"fits")
        outcome = finish_child(start_child("get", "-r", "--overwrite", "/", here, before=self.LIMIT))
        assert outcome.code == 3
        assert {path.name: path.read_bytes() for path in here.iterdir()} == {"f": b"old", "small": b"fits"}
