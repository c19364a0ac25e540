"""What happens to a target that exists: already there, refused, or replaced when that was asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import Exists
from ctaclient.transfer.result import TransferFailed
from tests.servers.differences import has

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient import Client
    from tests.servers.conftest import Place
    from tests.servers.storage_server import StorageServer

SAME_SIZE = (b"old content", b"new content")
SHORTER = (b"old content", b"new")
EMPTY = (b"old content", b"")
CASES = pytest.mark.parametrize(("old", "new"), [SAME_SIZE, SHORTER, EMPTY])


class TestPutOnto:
    @CASES
    def test_a_file_that_differs(self, client: Client, place: Place, tmp_path: Path, old: bytes, new: bytes) -> None:
        place.plant("f", old)
        (tmp_path / "f").write_bytes(new)
        with pytest.raises(Exists) as caught:
            client.put(tmp_path / "f", "/f")
        assert "--overwrite" in str(caught.value.hint)
        assert place.picture() == {"f": old}
        (result,) = client.put(tmp_path / "f", "/f", overwrite=True)
        assert (result.state, result.published) == ("done", "move")
        assert place.picture() == {"f": new}

    def test_the_same_file(self, client: Client, place: Place, server: StorageServer, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"same")
        client.put(tmp_path / "f", "/f")
        before = (place.directory / "f").stat()
        if has(server, "no checksums"):
            with pytest.raises(Exists, match="no checksum to tell"):
                client.put(tmp_path / "f", "/f")
        else:
            for overwrite in (False, True):
                (result,) = client.put(tmp_path / "f", "/f", overwrite=overwrite)
                assert (result.state, result.verified, result.published) == ("already there", "checksum", None)
        after = (place.directory / "f").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_directory_is_never_replaced(self, client: Client, place: Place, tmp_path: Path, overwrite: bool) -> None:
        place.plant("d/f/precious", b"p")
        (tmp_path / "f").write_bytes(b"new")
        before = place.picture()
        with pytest.raises(Exists, match="/d/f is a directory"):
            client.put(tmp_path / "f", "/d", overwrite=overwrite)
        assert place.picture() == before

    def test_a_file_is_not_replaced_by_a_tree(self, client: Client, place: Place, tmp_path: Path) -> None:
        place.plant("t", b"old")
        (tmp_path / "t").mkdir()
        (tmp_path / "t" / "f").write_bytes(b"new")
        with pytest.raises(TransferFailed, match="2 of 2 items"):
            client.put(tmp_path / "t", "/t", recursive=True, overwrite=True)
        assert place.picture() == {"t": b"old"}


class TestGetOnto:
    @CASES
    def test_a_file_that_differs(self, client: Client, place: Place, tmp_path: Path, old: bytes, new: bytes) -> None:
        place.plant("f", new)
        here = tmp_path / "here"
        here.mkdir()
        (here / "f").write_bytes(old)
        with pytest.raises(Exists) as caught:
            client.get("/f", here)
        assert "--overwrite" in str(caught.value.hint)
        assert (here / "f").read_bytes() == old
        client.get("/f", here, overwrite=True)
        assert (here / "f").read_bytes() == new
        assert os.listdir(here) == ["f"]

    def test_the_same_file(self, client: Client, place: Place, server: StorageServer, tmp_path: Path) -> None:
        place.plant("f", b"same")
        target = tmp_path / "f"
        target.write_bytes(b"same")
        before = target.stat()
        if has(server, "no checksums"):
            with pytest.raises(Exists, match="no checksum to tell"):
                client.get("/f", target)
        else:
            for overwrite in (False, True):
                (result,) = client.get("/f", target, overwrite=overwrite)
                assert (result.state, result.verified) == ("already there", "checksum")
        assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_directory_is_never_replaced(self, client: Client, place: Place, tmp_path: Path, overwrite: bool) -> None:
        place.plant("f", b"new")
        (tmp_path / "here" / "f").mkdir(parents=True)
        with pytest.raises(Exists, match="is a directory"):
            client.get("/f", tmp_path / "here", overwrite=overwrite)
        assert os.listdir(tmp_path / "here" / "f") == []
