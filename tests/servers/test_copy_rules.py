"""Copy rules, both directions, as `cp -r`: DEST with a slash, an existing directory, nothing there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ctaclient import Client
    from tests.servers.conftest import Place

# (DEST, whether a directory `there` exists, where a file `f` goes)
FILES = (
    ("/new", False, "new"),
    ("/new/", False, "new/f"),
    ("/", False, "f"),
    ("there", True, "there/f"),
    ("/there/", True, "there/f"),
    ("/there/new", True, "there/new"),
    ("/there/new/", True, "there/new/f"),
)
# the same for a directory `d` with one file `f` in it
TREES = (
    ("/new", False, "new/f"),
    ("/new/", False, "new/d/f"),
    ("/", False, "d/f"),
    ("there", True, "there/d/f"),
    ("/there/", True, "there/d/f"),
    ("/there/new", True, "there/new/f"),
)


def _files(top: Path) -> list[str]:
    return [str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()]


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A local directory with `f` and `d/f`."""
    made = tmp_path / "local"
    (made / "d").mkdir(parents=True)
    (made / "f").write_bytes(b"file")
    (made / "d" / "f").write_bytes(b"tree")
    return made


@pytest.fixture
def remote(place: Place) -> Place:
    """A place with the same in `from`."""
    place.plant("from/f", b"file")
    place.plant("from/d/f", b"tree")
    return place


class TestCopyRules:
    @pytest.mark.parametrize("recursive", [False, True])
    @pytest.mark.parametrize(("dest", "there", "target"), FILES)
    def test_put_of_a_file(
        self, client: Client, place: Place, local: Path, dest: str, there: bool, target: str, recursive: bool
    ) -> None:
        if there:
            client.mkdir("/there")
        client.put(local / "f", dest, recursive=recursive)
        assert _files(place.directory) == [target]

    @pytest.mark.parametrize(("dest", "there", "target"), TREES)
    def test_put_of_a_tree(
        self, client: Client, place: Place, local: Path, dest: str, there: bool, target: str
    ) -> None:
        if there:
            client.mkdir("/there")
        client.put(local / "d", dest, recursive=True)
        assert _files(place.directory) == [target]

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_a_slash_after_the_source_means_nothing(
        self, client: Client, place: Place, local: Path, slash: str
    ) -> None:
        client.put(f"{local}/d{slash}", "/", recursive=True)
        assert _files(place.directory) == ["d/f"]

    @pytest.mark.parametrize("recursive", [False, True])
    @pytest.mark.parametrize(("dest", "there", "target"), FILES)
    def test_get_of_a_file(
        self, client: Client, remote: Place, tmp_path: Path, dest: str, there: bool, target: str, recursive: bool
    ) -> None:
        here = tmp_path / "here"
        (here / "there" if there else here).mkdir(parents=True)
        client.get("/from/f", f"{here}/{dest.removeprefix('/')}", recursive=recursive)
        assert _files(here) == [target]

    @pytest.mark.parametrize(("dest", "there", "target"), TREES)
    def test_get_of_a_tree(
        self, client: Client, remote: Place, tmp_path: Path, dest: str, there: bool, target: str
    ) -> None:
        here = tmp_path / "here"
        (here / "there" if there else here).mkdir(parents=True)
        client.get("/from/d", f"{here}/{dest.removeprefix('/')}", recursive=True)
        assert _files(here) == [target]

    def test_get_goes_to_the_current_directory(
        self, client: Client, remote: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = tmp_path / "here"
        here.mkdir()
        monkeypatch.chdir(here)
        client.get("/from/f")
        client.get("/from/d", recursive=True)
        assert sorted(_files(Path(os.curdir))) == ["d/f", "f"]
