"""Get: what arrives, what is reported, and what is refused."""

from __future__ import annotations

import os
import stat
import zlib
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import Exists, NotFound, UsageError
from ctaclient.transfer.progress import NoProgress
from tests.conftest import eventually
from tests.servers.differences import has

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient import Client
    from tests.servers.conftest import Place
    from tests.servers.storage_server import StorageServer

SIZES = (0, 1, 64 * 1024, 600_001)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty local directory."""
    made = tmp_path / "here"
    made.mkdir()
    return made


class FirstWaits(NoProgress):
    """Before the first file comes, waits for something."""

    def __init__(self, condition: Callable[[], object]) -> None:
        self._condition: Callable[[], object] | None = condition

    def start(self, name: str, size_bytes: int | None) -> None:
        if self._condition is not None:
            condition, self._condition = self._condition, None
            eventually(condition)


class TestGet:
    @pytest.mark.parametrize("size", SIZES)
    def test_every_byte_arrives(self, client: Client, place: Place, here: Path, size: int) -> None:
        content = os.urandom(size)
        place.plant("f", content)
        client.get("/f", here / "g")
        assert os.listdir(here) == ["g"]
        assert (here / "g").read_bytes() == content

    def test_the_result_says_what_was_compared(
        self, client: Client, place: Place, server: StorageServer, here: Path
    ) -> None:
        place.plant("f", b"some bytes")
        (result,) = client.get("/f", here)
        assert (result.source, result.target, result.state) == ("/f", str(here / "f"), "done")
        assert result.size_bytes == 10
        assert result.checksum == f"adler32:{zlib.adler32(b'some bytes'):08x}"
        assert result.verified == ("size" if has(server, "no checksums") else "checksum")
        assert (result.published, result.error) == (None, None)

    def test_the_file_has_the_mode_that_the_umask_leaves(self, client: Client, place: Place, here: Path) -> None:
        place.plant("f", b"x")
        (here / "by-hand").touch()
        client.get("/f", here)
        assert stat.S_IMODE((here / "f").stat().st_mode) == stat.S_IMODE((here / "by-hand").stat().st_mode)

    def test_missing_local_parents_are_made(self, client: Client, place: Place, here: Path) -> None:
        place.plant("f", b"x")
        client.get("/f", here / "a" / "b" / "g")
        assert (here / "a" / "b" / "g").read_bytes() == b"x"

    def test_a_missing_remote_file(self, client: Client, here: Path) -> None:
        with pytest.raises(NotFound, match="/nothing-here"):
            client.get("/nothing-here", here)
        assert os.listdir(here) == []

    def test_a_directory_needs_recursive(self, client: Client, place: Place, here: Path) -> None:
        place.plant("d")
        with pytest.raises(UsageError, match="is a directory") as caught:
            client.get("/d", here)
        assert caught.value.hint == f"ctaclient get -r /d {here}"
        assert os.listdir(here) == []

    def test_a_link_that_dangles_is_something_that_exists(self, client: Client, place: Place, here: Path) -> None:
        place.plant("f", b"x")
        (here / "f").symlink_to(here / "elsewhere")
        with pytest.raises(Exists):
            client.get("/f", here / "f")
        assert os.listdir(here) == ["f"]
        with pytest.raises(UsageError, match="link to nothing"):
            client.get("/f", here / "f", overwrite=True)
        assert os.listdir(here) == ["f"]

    def test_a_link_is_followed(self, client: Client, place: Place, here: Path) -> None:
        """As `cp` does: what it leads to is replaced, the link stays."""
        place.plant("f", b"new")
        (here / "below").mkdir()
        (here / "below" / "old").write_bytes(b"old")
        (here / "f").symlink_to("below/old")
        client.get("/f", here / "f", overwrite=True)
        assert (here / "f").is_symlink()
        assert (here / "below" / "old").read_bytes() == b"new"
        assert os.listdir(here / "below") == ["old"]

    def test_a_pipe_is_not_replaced(self, client: Client, place: Place, here: Path) -> None:
        place.plant("f", b"x")
        os.mkfifo(here / "f")
        with pytest.raises(UsageError, match="a pipe"):
            client.get("/f", here / "f", overwrite=True)
        assert (here / "f").is_fifo()

    def test_files_that_grow_older_on_the_way(self, client: Client, here: Path) -> None:
        """Apache's ETags are weak for a second: the listing has those, the answer to GET has strong ones."""
        (here / "local").write_bytes(b"x")
        for number in range(20):
            client.put(here / "local", f"/d/{number}")

        def is_settled() -> bool:
            return not any(entry.etag and entry.etag.startswith("W/") for entry in client.ls("/d"))

        client.get("/d", here, recursive=True, progress=FirstWaits(is_settled))
        assert len(os.listdir(here / "d")) == 20

    def test_a_url_of_the_storage_is_a_name_too(self, client: Client, server: StorageServer, here: Path) -> None:
        (server.root / "by-url").write_bytes(b"by url")
        client.get(f"{server.url}/by-url", here)
        assert (here / "by-url").read_bytes() == b"by url"
