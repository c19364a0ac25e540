"""Put: what is stored, what is reported, and what is refused before a byte is sent."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import CtaError, NotFound, UsageError
from tests.servers.differences import has

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient import Client
    from tests.servers.conftest import Place
    from tests.servers.storage_server import StorageServer

# Nothing, one byte, where `Expect` begins, and more than one block with a rest.
SIZES = (0, 1, 64 * 1024, 600_001)


class TestPut:
    @pytest.mark.parametrize("size", SIZES)
    def test_every_byte_arrives(self, client: Client, place: Place, tmp_path: Path, size: int) -> None:
        content = os.urandom(size)
        (tmp_path / "f").write_bytes(content)
        client.put(tmp_path / "f", "/f")
        assert place.picture() == {"f": content}

    def test_the_result_says_what_was_compared(
        self, client: Client, place: Place, server: StorageServer, tmp_path: Path
    ) -> None:
        (tmp_path / "f").write_bytes(b"some bytes")
        (result,) = client.put(tmp_path / "f", "/f")
        assert (result.source, result.target, result.state) == (str(tmp_path / "f"), "/f", "done")
        assert result.size_bytes == 10
        assert result.checksum == f"adler32:{zlib.adler32(b'some bytes'):08x}"
        assert result.verified == ("size" if has(server, "no checksums") else "checksum")
        assert (result.published, result.left_behind, result.error) == ("move", None, None)

    def test_missing_parents_are_made(self, client: Client, place: Place, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"deep")
        client.put(tmp_path / "f", "/a/b c/d/f")
        assert place.picture() == {"a": None, "a/b c": None, "a/b c/d": None, "a/b c/d/f": b"deep"}

    def test_a_file_is_no_parent(self, client: Client, place: Place, tmp_path: Path) -> None:
        place.plant("file", b"old")
        (tmp_path / "f").write_bytes(b"new")
        with pytest.raises(CtaError):
            client.put(tmp_path / "f", "/file/below")
        assert place.picture() == {"file": b"old"}

    def test_a_missing_local_file(self, client: Client, place: Place, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="nothing-here"):
            client.put(tmp_path / "nothing-here", "/f")
        assert place.names() == []

    def test_a_directory_needs_recursive(self, client: Client, place: Place, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="is a directory") as caught:
            client.put(tmp_path, "/d")
        assert caught.value.hint == f"ctaclient put -r {tmp_path} /d"
        assert place.names() == []

    def test_the_source_is_only_read(self, client: Client, tmp_path: Path) -> None:
        source = tmp_path / "f"
        source.write_bytes(b"mine")
        source.chmod(0o400)
        before = source.stat()
        client.put(source, "/f")
        after = source.stat()
        assert (after.st_mtime_ns, after.st_mode, after.st_ino) == (before.st_mtime_ns, before.st_mode, before.st_ino)
        assert source.read_bytes() == b"mine"
