"""Names that clients and servers like to get wrong, from the shell's side to the server's disk and back, by bytes."""

from __future__ import annotations

import contextlib
import os
import random
import unicodedata
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import CtaError, UsageError
from tests.servers.differences import has

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctaclient import Client
    from tests.servers.conftest import Place
    from tests.servers.storage_server import StorageServer

CHOSEN = (
    *(
        "a b",
        " a",
        "a ",
        "  ",
        "a+b",
        "100%",
        "a%20b",
        "%2e%2e",
        "%2F",
        "%00",
        "a#b",
        "#",
        "a?b",
        "?x=1",
        "a;b",
        "a&b=c",
    ),
    *(
        "a'b",
        'a"b',
        "`a`",
        "a\\b",
        "\\",
        "\\..\\x",
        "-rf",
        "--help",
        "-",
        ".hidden",
        "...",
        "..a",
        "~x",
        "~",
        "a:b",
        "C:",
    ),
    *(
        "$(id)",
        "${HOME}",
        "$HOME",
        "a;rm -rf *",
        "*",
        "[a]",
        "a|b",
        "a>b",
        "<b>&amp;",
        "a@b",
        "a,b",
        "a=b",
        "!a",
        "{a}",
    ),
    *("f.fits.gz", "page.html", "x.tar.Z", "con", "index.html", ".htaccess", "cta:", "a..b", "a.", "^a^", "(a)"),
    *("a\tb", "a\nb", "\r", "\x01\x1f", "\x7f", "\u0085", "\u00a0", "\u202eabc", "\ufeffa", "\ufffe"),
    *("ünïcödé", "日本語", "🔭", "é" * 100, "日" * 70, "n" * 200, "n" * 255, "ű" * 127, "%" * 255),
    *("\udcff", "\udce4b", "a\udc80\udcfeb"),  # bytes that are no UTF-8, as Python spells them
)
NFC, NFD = unicodedata.normalize("NFC", "ü"), unicodedata.normalize("NFD", "ü")

# What generated names are made of. Left out are `/` and NUL alone, which no POSIX name can have; surrogates other than
# those that stand for a raw byte are no bytes at all.
_ALPHABETS = (
    [chr(code) for code in range(0x20, 0x7F) if chr(code) != "/"],
    [chr(code) for code in (*range(0x01, 0x20), *range(0x7F, 0xA0))],
    list("%%%%2520+ #?;&=.~"),
    [chr(code) for code in (*range(0xC0, 0x180), *range(0x300, 0x340))],
    [
        chr(code)
        for code in (*range(0x390, 0x400), *range(0x5D0, 0x5EA), *range(0x3040, 0x3100), *range(0xAC00, 0xAC80))
    ],
    [
        chr(code)
        for code in (*range(0x1F300, 0x1F380), 0x200B, 0x200D, 0x202E, 0x2028, 0xFEFF, 0xFFFD, 0xFFFF, 0x10FFFF)
    ],
    [chr(code) for code in range(0xDC80, 0xDD00)],
)
_CHUNKS, _PER_CHUNK = 8, 25


def generated(chunk: int) -> list[str]:
    """Different names, the same in every run."""
    dice = random.Random(chunk)
    names: set[str] = set()
    while len(names) < _PER_CHUNK:
        alphabet = [character for one in dice.sample(_ALPHABETS, dice.randint(1, 3)) for character in one]
        name = "".join(dice.choices(alphabet, k=dice.choice((1, 2, 3, 8, 20, 60, 250))))
        name = os.fsdecode(os.fsencode(name)[:255])  # raw bytes may add up to a character
        if name not in (".", ".."):
            names.add(name)
    return sorted(names)


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Failures in ASCII: names that are no UTF-8 would break the report on its way between pytest's processes."""
    try:
        yield
    except CtaError as error:
        raise AssertionError(ascii(error)) from None


def raw(name: str) -> bytes:
    """The name as it is on disk."""
    return os.fsencode(name)


class TestNames:
    @pytest.mark.parametrize("name", CHOSEN, ids=lambda name: repr(name)[:24])
    def test_chosen_names(self, client: Client, place: Place, tmp_path: Path, name: str) -> None:
        _round_trip(client, place, tmp_path, [name])

    @pytest.mark.parametrize("chunk", range(_CHUNKS))
    def test_generated_names(self, client: Client, place: Place, tmp_path: Path, chunk: int) -> None:
        _round_trip(client, place, tmp_path, generated(chunk))

    def test_two_spellings_are_two_files(self, client: Client, place: Place, tmp_path: Path) -> None:
        assert NFC != NFD
        _round_trip(client, place, tmp_path, [NFC, NFD])

    def test_names_that_one_decoding_would_make_the_same(self, client: Client, place: Place, tmp_path: Path) -> None:
        _round_trip(client, place, tmp_path, ["a b", "a+b", "a%20b", "a%2520b", "A%20B", "a%2Bb"])

    def test_local_names_stay_as_they_are(self, client: Client, place: Place, tmp_path: Path) -> None:
        """As `test_generated_names`, but as a tree whose names nobody types."""
        names = [*generated(_CHUNKS), "a b", "-rf", "a\nb", "\udcff", NFC, NFD]
        source, back = tmp_path / "source", tmp_path / "back"
        for name in names:
            os.makedirs(source / name)
            (source / name / name).write_bytes(raw(name))
        with plainly():
            client.put(source, "/tree", recursive=True)
            client.get("/tree", back, recursive=True)
        for top in (place.directory / "tree", back):
            assert sorted(os.listdir(raw(str(top)))) == sorted(map(raw, names))
            for name in names:
                assert (top / name / name).read_bytes() == raw(name)

    def test_directories_may_be_called_anything_too(self, client: Client, place: Place) -> None:
        names = ["a b", "100%", "a#b", "a?b", "$(id)", "\udcff", NFC, NFD]
        for name in names:
            client.mkdir(f"/{name}/{name}", parents=True)
        assert sorted(entry.name for entry in client.ls("/") if entry.is_dir) == sorted(names)
        for name in names:
            assert [entry.name for entry in client.ls(f"/{name}/")] == [name]
            client.rm(f"/{name}", recursive=True)
        assert place.names() == []

    def test_the_server_keeps_a_name_for_itself(
        self, client: Client, place: Place, server: StorageServer, tmp_path: Path
    ) -> None:
        if has(server, "no .DAV"):
            (tmp_path / "f").touch()
            with pytest.raises(CtaError) as caught:
                client.put(tmp_path / "f", "/.DAV")
            assert caught.value.status == 403
        else:
            _round_trip(client, place, tmp_path, [".DAV"])

    @pytest.mark.parametrize("name", ["..", ".", "a/../b", "a//b", "a\0b", "/a/./b"])
    def test_no_names(self, client: Client, place: Place, tmp_path: Path, name: str) -> None:
        (tmp_path / "f").touch()
        for attempt in (
            lambda: client.stat(name),
            lambda: client.ls(name),
            lambda: client.put(tmp_path / "f", name),
            lambda: client.mkdir(name, parents=True),
            lambda: client.rm(name, recursive=True),
            lambda: client.get(name, tmp_path),
        ):
            with pytest.raises(UsageError):
                attempt()
        assert place.names() == []

    def test_a_name_that_is_too_long(self, client: Client, place: Place, tmp_path: Path) -> None:
        (tmp_path / "f").touch()
        with pytest.raises(CtaError):
            client.put(tmp_path / "f", "/" + "n" * 256)
        assert place.names() == []


def _round_trip(client: Client, place: Place, tmp_path: Path, names: list[str]) -> None:
    """put, look on the disk, ls, stat, get, rm; the content of each file is its own name."""
    with plainly():
        _round_trip_as_is(client, place, tmp_path, names)


def _round_trip_as_is(client: Client, place: Place, tmp_path: Path, names: list[str]) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    for name in names:
        source.write_bytes(raw(name))
        client.put(source, f"/{name}")
    assert sorted(os.listdir(raw(str(place.directory)))) == sorted(map(raw, names))
    assert sorted(raw(entry.name) for entry in client.ls("/")) == sorted(map(raw, names))
    for name in names:
        assert (place.directory / name).read_bytes() == raw(name)
        entry = client.stat(f"/{name}")
        assert (raw(entry.name), entry.size_bytes, entry.is_dir) == (raw(name), len(raw(name)), False)
        assert [raw(found.name) for found in client.ls(f"/{name}")] == [raw(name)]
        client.get(f"/{name}", target)
        assert (target / name).read_bytes() == raw(name)
    assert sorted(os.listdir(raw(str(target)))) == sorted(map(raw, names))
    for name in names:
        client.rm(f"/{name}")
    assert place.names() == []
