"""Redirects: method and body stay, the token does not, and nothing leads out of TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from ctaclient.errors import ProtocolError
from ctaclient.sandbox import Fault
from tests.faults.conftest import large, unchanged
from tests.faults.small_dav import SmallDav

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient import Client
    from tests.faults.bytes_server import BytesServer, Head, Serve, Talk
    from tests.faults.conftest import Spot
    from tests.faults.program import Program

STATUSES = (301, 302, 303, 307, 308)
ASKED_OF_XROOTD = "?authz=Bearer%20of-the-door&x=1"


class TestForbidden:
    @pytest.mark.parametrize(
        ("location", "said"),
        [
            ("http://localhost:1/f", "not protected by TLS"),
            ("http://localhost/f?dcache-http-uuid=secret-id", "not protected by TLS"),
            ("ftp://localhost/f", "no https URL"),
            ("file:///etc/passwd", "no https URL"),
            ("https://user:password@localhost:1/f", "not protected"),
            ("https://localhost:port/", "no https URL"),
        ],
    )
    def test_places(self, program: Program, spot: Spot, here: Path, location: str, said: str) -> None:
        (spot.directory / "f").write_bytes(b"x")
        spot.sandbox.fault("door", Fault("location", "GET", spot.name, location=location))
        with unchanged(spot.directory, here):
            outcome = program("get", "/f", here)
        outcome.check_failed(7)
        assert said in outcome.err
        assert "secret-id" not in outcome.err
        assert "password" not in outcome.err

    @pytest.mark.parametrize("status", STATUSES)
    def test_without_a_place(self, client: Client, spot: Spot, here: Path, status: int) -> None:
        (spot.directory / "f").write_bytes(b"x")
        for method in ("GET", "PUT", "PROPFIND"):
            spot.sandbox.fault("door", Fault("status", method, spot.name, status=status))
        with unchanged(spot.directory, here):
            with pytest.raises(ProtocolError, match="without saying where"):
                client.ls("/")
            with pytest.raises(ProtocolError, match="without saying where"):
                client.get("/f", here)
            with pytest.raises(ProtocolError, match="without saying where"):
                client.put(spot.directory / "f", "/g")

    def test_round_and_round(self, program: Program, spot: Spot, here: Path) -> None:
        (spot.directory / "f").write_bytes(b"x")
        spot.sandbox.fault("door", Fault("location", "GET", spot.name, location=f"{spot.url}/f", times=20))
        with unchanged(here):
            outcome = program("get", "/f", here)
        outcome.check_failed(7)
        assert "again and again" in outcome.err
        assert len(spot.records("door", "GET")) < 10


class TestFollowed:
    @pytest.fixture
    def data(self, serve: Serve) -> tuple[SmallDav, BytesServer]:
        """A data server that takes everything."""
        store = SmallDav()
        return store, serve(store)

    @pytest.mark.parametrize("status", STATUSES)
    @pytest.mark.parametrize("size", [1000, 4_000_000])
    def test_put_stays_put(
        self,
        serve: Serve,
        client_at: Callable[..., Client],
        data: tuple[SmallDav, BytesServer],
        here: Path,
        status: int,
        size: int,
    ) -> None:
        store, server = data

        def twist(talk: Talk, head: Head) -> bool:
            if head.method == "PUT":
                if "expect" not in head.headers:
                    talk.body(head)
                door.files[head.target] = source.read_bytes()  # as if the data server told the door
                talk.answer(status, {"Location": f"{server.url}{head.target}?id=1", "Connection": "close"})
                talk.linger()
            return head.method == "PUT"

        source = large(here, size_bytes=size)
        door = SmallDav(twist)
        client_at(serve(door).url).put(source, "/f")
        assert list(store.files.values()) == [source.read_bytes()]
        assert server.methods() == ["PUT"]
        assert door.names() == ["f"]
        names = set(server.heads[0].headers)
        assert names == {"host", "user-agent", "accept", "accept-encoding", "content-length", "want-digest"}

    @pytest.mark.parametrize("status", STATUSES)
    def test_propfind_stays_propfind(
        self,
        serve: Serve,
        client_at: Callable[..., Client],
        data: tuple[SmallDav, BytesServer],
        status: int,
    ) -> None:
        store, server = data
        store.files["/f"] = b"x"

        def away(talk: Talk, head: Head) -> bool:
            talk.body(head)
            talk.answer(status, {"Location": f"{server.url}{head.target}"})
            return True

        assert [entry.name for entry in client_at(serve(SmallDav(away)).url).ls("/")] == ["f"]
        (head,) = server.heads
        assert (head.method, head.headers["depth"], head.length > 100) == ("PROPFIND", "1", True)
        assert "authorization" not in head.headers

    def test_back_from_the_pool_to_the_door(self, client: Client, spot: Spot, here: Path) -> None:
        """An expired one-use id: the pool sends us back, and the door needs the token again (storage.md 1.4)."""
        (spot.directory / "f").write_bytes(b"data")
        back = Fault("status", "GET", spot.name, status=307, headers={"Location": f"{spot.url}/f"})
        spot.sandbox.fault("pool", back)
        client.get("/f", here)
        assert (here / "f").read_bytes() == b"data"
        assert [record.status for record in spot.records("door", "GET")] == [302, 302]
        assert not any(record.has("Authorization") for record in spot.records("pool"))

    def test_another_port_of_the_same_host_is_another_origin(
        self, serve: Serve, client_at: Callable[..., Client], data: tuple[SmallDav, BytesServer], here: Path
    ) -> None:
        store, server = data
        store.files["/f"] = b"data"

        def away(talk: Talk, head: Head) -> bool:
            if head.method == "GET":
                talk.answer(302, {"Location": f"{server.url}/f", "Set-Cookie": "session=1"})
            return head.method == "GET"

        door = SmallDav(away)
        door.files["/f"] = b"data"
        client_at(serve(door).url).get("/f", here)
        (head,) = server.heads
        assert not {"authorization", "cookie", "referer"} & set(head.headers)


class TestRawNames:
    """XRootD before 5.8 escapes nothing in a Location (xrootd.md 10)."""

    @pytest.fixture
    def data(self, serve: Serve) -> tuple[SmallDav, BytesServer]:
        """A data server."""
        store = SmallDav(server="XrootD")
        return store, serve(store)

    @pytest.fixture
    def door(self, data: tuple[SmallDav, BytesServer]) -> SmallDav:
        """A door that sends GET and PUT to it."""
        _, server = data

        def twist(talk: Talk, head: Head) -> bool:
            if head.method not in ("GET", "PUT"):
                return False
            if head.method == "PUT":
                assert head.headers.get("expect") == "100-continue"
                door.files[head.target] = b"some bytes"  # as if the data server told the door
            location = f"{server.url}{unquote(head.target)}{ASKED_OF_XROOTD}"
            talk.answer(307, {"Location": location, "Server": "XrootD", "Connection": "close"})
            talk.linger()
            return True

        door = SmallDav(twist, server="XrootD")
        return door

    @pytest.mark.parametrize("name", ["a b", "a%20b", "p%b", "run#2", "a?b", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"])
    def test_there_and_back(
        self,
        serve: Serve,
        client_at: Callable[..., Client],
        door: SmallDav,
        data: tuple[SmallDav, BytesServer],
        here: Path,
        name: str,
    ) -> None:
        store, server = data
        (here / "local").write_bytes(b"some bytes")
        client = client_at(serve(door).url)
        client.put(here / "local", f"/{name}")
        ((target, content),) = store.files.items()
        assert (unquote(target.removesuffix(ASKED_OF_XROOTD)), content) == (f"/{name}", b"some bytes")
        client.get(f"/{name}", here / "got")
        assert (here / "got").read_bytes() == b"some bytes"
        assert [(head.method, head.target) for head in server.heads] == [("PUT", target), ("GET", target)]
        assert not any("authorization" in head.headers for head in server.heads)
