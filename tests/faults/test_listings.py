"""Listings that lie, attack or break off: refused as a whole, nothing written, half of one never taken for all."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import CtaError, NetworkError, ProtocolError
from ctaclient.sandbox import Fault
from tests.faults.conftest import unchanged
from tests.faults.small_dav import SmallDav, multistatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient import Client
    from tests.faults.bytes_server import Head, Serve, Talk
    from tests.faults.conftest import Spot
    from tests.faults.program import Program

_ENTRY = (
    "<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype>"
    "<D:getcontentlength>4</D:getcontentlength></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
)
HEAD = '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">'

# An href in the listing of BASE (a path with a slash at both ends).
HOSTILE = (
    *("BASE..", "BASE../", "BASE.", "BASE../../etc/passwd", "/etc/passwd", "/", "BASE..%2Fx", "BASEa%2Fb", "BASEa%2fb"),
    *("BASE%2e%2e", "BASE%2E%2E/x", "BASE%2e", "BASEa%00b", "BASE%00", "BASEd/deeper", "BASEd/../../x", ""),
    *("https://localhost/etc/passwd", "BASE..\\..\\x/y", "file:///etc/passwd", "//evil/BASE../x"),
)


def entry(href: str, *, directory: bool = False) -> str:
    """One response of a multistatus."""
    return _ENTRY.format(href=href.replace("&", "&amp;"), kind="<D:collection/>" if directory else "")


def listing(base: str, *hrefs: str) -> str:
    """A listing of the directory `base`, with those in it."""
    return HEAD + "".join([entry(base, directory=True), *map(entry, hrefs)]) + "</D:multistatus>"


def spoil(spot: Spot, body: str, *, after: int = 0) -> None:
    """Let the listing after the next `after` ones be `body`."""
    if after:
        spot.sandbox.fault("door", Fault("delay", "PROPFIND", spot.name, times=after))
    spot.sandbox.fault("door", Fault("raw_multistatus", "PROPFIND", spot.name, body=body))


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {two} "{f"&{one};" * 10}">' for one, two in zip("abcdefgh", "bcdefghi", strict=True))
    + ']><D:multistatus xmlns:D="DAV:"><D:response><D:href>&i;</D:href></D:response></D:multistatus>'
)
FILE_ENTITY = (
    '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    '<D:multistatus xmlns:D="DAV:"><D:response><D:href>&x;</D:href></D:response></D:multistatus>'
)
GOOD = listing("/BASE/", "/BASE/f")
BROKEN = {
    "entity bomb": BOMB,
    "entity of a file": FILE_ENTITY,
    "doctype alone": f"<!DOCTYPE multistatus>{GOOD[21:]}",
    "truncated in a tag": GOOD[:-20],
    "truncated between entries": GOOD[: -len("</D:multistatus>")],
    "truncated before the first": HEAD,
    "nothing in it": f"{HEAD}</D:multistatus>",
    "empty body": "",
    "not XML": "It works!",
    "a page": "<html><body>Please sign in<br></body></html>",
    "another document": '<D:error xmlns:D="DAV:"/>',
    "another namespace": '<multistatus xmlns="urn:other"/>',
    "undeclared entity": GOOD.replace("/BASE/f", "&nbsp;"),
    "control character": GOOD.replace("/BASE/f", "/BASE/\x01"),
    "bytes that are no UTF-8": GOOD.replace("/BASE/f", "/BASE/\udcff"),
    "too deep": HEAD + "<D:x>" * 100 + "</D:x>" * 100 + "</D:multistatus>",
    "too long a name": GOOD.replace("/BASE/f", "/BASE/" + "f" * 200_000),
    "two documents": GOOD + GOOD,
}


class TestHostileNames:
    @pytest.mark.parametrize("href", HOSTILE)
    def test_are_refused_in_listings_and_downloads(self, client: Client, spot: Spot, here: Path, href: str) -> None:
        (spot.directory / "d").mkdir()
        base = f"/{spot.name}/d/"
        body = listing(base, href.replace("BASE", base))
        with unchanged(spot.directory, here):
            spoil(spot, body)
            with pytest.raises(ProtocolError) as caught:
                client.ls("/d")
            assert caught.value.exit_code == 7
            spoil(spot, body, after=1)
            with pytest.raises(ProtocolError):
                client.get("/d", here / "new", recursive=True)
            assert not list(here.glob("new/**/*"))
            if (here / "new").exists():
                (here / "new").rmdir()
        assert spot.records("door", "GET") == []

    @pytest.mark.parametrize("href", ["/etc/passwd", "BASE../x", "/BASEd", ""])
    def test_are_refused_about_one_file(self, client: Client, spot: Spot, here: Path, href: str) -> None:
        (spot.directory / "f").write_bytes(b"true")
        with unchanged(spot.directory, here):
            for attempt in (
                lambda: client.stat("/f"),
                lambda: client.get("/f", here),
                lambda: client.rm("/f"),
            ):
                spoil(spot, HEAD + entry(href.replace("BASE", f"/{spot.name}/")) + "</D:multistatus>")
                with pytest.raises(ProtocolError):
                    attempt()
        assert {record.method for record in spot.records("door")} == {"PROPFIND"}

    def test_odd_ones_are_names_like_others(self, client: Client, spot: Spot, here: Path) -> None:
        """A shell never sees them, so they need no mercy."""
        names = ["$(id)", "`id`", "a;rm -rf ~", "-rf", "a\nb", "\x1b[31m", "a|b", "*", "~", "\\..\\x", "a\\", "%2e%2e"]
        (spot.directory / "d").mkdir()
        for name in names:
            (spot.directory / "d" / name).write_bytes(name.encode())
        client.get("/d", here, recursive=True)
        assert {path.name: path.read_bytes() for path in (here / "d").iterdir()} == {
            name: name.encode() for name in names
        }

    def test_what_nginx_leaves_unescaped(self, client: Client, spot: Spot) -> None:
        """It escapes the rest, so `%20` is a space there (storage.md 3.6)."""
        base = f"/{spot.name}/"
        spoil(spot, listing(base, f"{base}a%20[1]{{2}}|^.fits", f"{base}100%25[x]"))
        assert [each.name for each in client.ls("/")] == ["100%[x]", "a [1]{2}|^.fits"]

    def test_a_line_for_each_in_messages(self, program: Program, spot: Spot) -> None:
        base = f"/{spot.name}/"
        spoil(spot, listing(base, f"{base}a%2Fb%0A%1B%5B31m%E2%80%AE"))
        outcome = program("ls", "/")
        outcome.check_failed(7)
        assert "\x1b" not in outcome.err


class TestBrokenListings:
    @pytest.mark.parametrize("kind", BROKEN)
    def test_are_refused(self, program: Program, spot: Spot, here: Path, kind: str) -> None:
        (spot.directory / "f").write_bytes(b"true")
        body = BROKEN[kind].replace("/BASE/", f"/{spot.name}/")
        commands = (
            ("ls", "/"),
            ("stat", "/"),
            ("ls", "-R", "/"),
            ("get", "-r", "/", here),
            ("rm", "-r", "--yes", "/f"),
        )
        with unchanged(spot.directory, here):
            for command in commands:
                spoil(spot, body)
                outcome = program(*command)
                outcome.check_failed(7)
                spot.sandbox.clear_faults()

    @pytest.mark.parametrize("kind", BROKEN)
    def test_below_the_top_are_refused_too(self, program: Program, spot: Spot, here: Path, kind: str) -> None:
        (spot.directory / "d").mkdir()
        (spot.directory / "d" / "f").write_bytes(b"below")
        (spot.directory / "g").write_bytes(b"beside")
        body = BROKEN[kind].replace("/BASE/", f"/{spot.name}/d/")
        spoil(spot, body, after=2)
        outcome = program("get", "-r", "/", here)
        assert (outcome.code, (here / "g").read_bytes()) == (3, b"beside")
        assert not list(here.glob("**/.ctaclient-*"))

    @pytest.mark.parametrize("status", [200, 204, 404])
    def test_an_answer_that_is_none(self, client: Client, spot: Spot, status: int) -> None:
        spot.sandbox.fault("door", Fault("status", "PROPFIND", spot.name, status=status, body="<html/>"))
        with pytest.raises(CtaError):
            client.ls("/")

    def test_a_part_that_was_denied(self, client: Client, spot: Spot) -> None:
        denied = f"<D:response><D:href>/{spot.name}/x</D:href><D:status>HTTP/1.1 403 Forbidden</D:status></D:response>"
        spoil(spot, listing(f"/{spot.name}/").replace("</D:multistatus>", denied + "</D:multistatus>"))
        with pytest.raises(CtaError) as caught:
            client.ls("/")
        assert (caught.value.exit_code, caught.value.status) == (4, 403)

    def test_a_body_that_is_cut(self, client: Client, spot: Spot) -> None:
        for number in range(20):
            (spot.directory / f"f{number}").touch()
        spot.sandbox.fault("door", Fault("cut_response", "PROPFIND", spot.name, after_bytes=3000))
        with pytest.raises(NetworkError):
            client.ls("/")

    def test_a_body_that_was_compressed_in_spite_of_us(self, serve: Serve, client_at: Callable[..., Client]) -> None:
        def compress(talk: Talk, head: Head) -> bool:
            talk.body(head)
            talk.answer(207, {"Content-Encoding": "gzip"}, gzip.compress(multistatus()))
            return True

        with pytest.raises(ProtocolError):
            client_at(serve(SmallDav(compress)).url).ls("/")
