"""Stat and exists: what the server knows of one thing."""

from __future__ import annotations

import os
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import NotFound
from tests.servers.differences import has

if TYPE_CHECKING:
    from ctaclient import Client
    from tests.servers.conftest import Place
    from tests.servers.storage_server import StorageServer


class TestStat:
    def test_a_file(self, client: Client, place: Place, server: StorageServer) -> None:
        place.plant("f", b"content")
        os.utime(place.directory / "f", (1_700_000_000, 1_700_000_000))
        entry = client.stat("/f")
        assert (str(entry.path), entry.name, entry.kind, entry.size_bytes) == ("/f", "f", "file", 7)
        assert entry.mtime == datetime.fromtimestamp(1_700_000_000, UTC)
        assert entry.etag
        adler32 = None if has(server, "no checksums") else f"{zlib.adler32(b'content'):08x}"
        assert entry.checksums.get("adler32") == adler32

    @pytest.mark.parametrize("name", ["/d", "/d/"])
    def test_a_directory(self, client: Client, place: Place, name: str) -> None:
        place.plant("d")
        entry = client.stat(name)
        assert (str(entry.path), entry.kind, entry.size_bytes) == ("/d", "directory", None)

    def test_the_root(self, client: Client) -> None:
        entry = client.stat("/")
        assert (str(entry.path), entry.is_dir) == ("/", True)

    def test_an_empty_file_is_no_directory(self, client: Client, place: Place) -> None:
        place.plant("empty", b"")
        entry = client.stat("/empty")
        assert (entry.is_dir, entry.size_bytes) == (False, 0)

    def test_nothing_there(self, client: Client) -> None:
        with pytest.raises(NotFound, match="/nothing"):
            client.stat("/nothing")

    def test_exists(self, client: Client, place: Place) -> None:
        place.plant("f", b"")
        place.plant("d")
        assert [client.exists(name) for name in ("/", "/f", "/d", "/d/", "/g", "/d/g")] == [True] * 4 + [False] * 2
