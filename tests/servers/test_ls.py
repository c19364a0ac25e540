"""Ls and scan: what a listing has in it, and what it never pretends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import CtaError, NotFound
from tests.servers.differences import has

if TYPE_CHECKING:
    from ctaclient import Client
    from tests.servers.conftest import Place
    from tests.servers.storage_server import StorageServer


def _make_tree(place: Place) -> None:
    for name, content in (("empty", None), ("f", b"123"), ("d/g", b""), ("d/below/h", b"1")):
        place.plant(name, content)


class TestLs:
    def test_an_empty_directory(self, client: Client) -> None:
        assert client.ls() == []

    def test_names_kinds_and_sizes_sorted_by_path(self, client: Client, place: Place) -> None:
        _make_tree(place)
        found = [(str(entry.path), entry.kind, entry.size_bytes) for entry in client.ls("/")]
        assert found == [("/d", "directory", None), ("/empty", "directory", None), ("/f", "file", 3)]

    @pytest.mark.parametrize("name", ["d", "/d", "d/", "/d/"])
    def test_a_directory_with_and_without_slashes(self, client: Client, place: Place, name: str) -> None:
        _make_tree(place)
        assert [str(entry.path) for entry in client.ls(name)] == ["/d/below", "/d/g"]

    def test_a_file_lists_itself(self, client: Client, place: Place) -> None:
        _make_tree(place)
        (entry,) = client.ls("/f")
        assert (str(entry.path), entry.is_dir, entry.size_bytes) == ("/f", False, 3)

    def test_recursive(self, client: Client, place: Place) -> None:
        _make_tree(place)
        found = [str(entry.path) for entry in client.ls("/", recursive=True)]
        assert found == ["/d", "/d/below", "/d/below/h", "/d/g", "/empty", "/f"]

    def test_a_file_lists_itself_recursively_too(self, client: Client, place: Place) -> None:
        _make_tree(place)
        assert [str(entry.path) for entry in client.ls("/d/g", recursive=True)] == ["/d/g"]

    def test_scan_has_the_directory_before_what_is_in_it(self, client: Client, place: Place) -> None:
        _make_tree(place)
        found = [str(entry.path) for entry in client.scan("/", recursive=True)]
        assert sorted(found) == ["/d", "/d/below", "/d/below/h", "/d/g", "/empty", "/f"]
        assert found.index("/d") < found.index("/d/below") < found.index("/d/below/h")

    @pytest.mark.parametrize("recursive", [False, True])
    def test_nothing_there(self, client: Client, recursive: bool) -> None:
        with pytest.raises(NotFound, match="/nothing"):
            client.ls("/nothing", recursive=recursive)

    def test_below_a_file(self, client: Client, place: Place, server: StorageServer) -> None:
        _make_tree(place)
        with pytest.raises(CtaError) as caught:
            client.ls("/f/below")
        assert caught.value.status == (400 if has(server, "400 below a file") else 404)

    def test_more_entries_than_one_read(self, client: Client, place: Place) -> None:
        directory = place.directory / "many"
        directory.mkdir()
        for number in range(1500):
            (directory / f"file-{number:05}").touch()
        assert [entry.name for entry in client.ls("/many")] == [f"file-{number:05}" for number in range(1500)]
