"""Whole trees, both ways, byte by byte."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import Exists
from ctaclient.transfer.result import TransferFailed

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient import Client
    from tests.servers.conftest import Place

TREE: dict[str, bytes | None] = {
    "top": b"at the top",
    "empty": b"",
    "no files": None,
    "sub": None,
    "sub/block": os.urandom(300_000),
    "sub/sub": None,
    "sub/sub/deep ü": b"deep",
    ".hidden": b"h",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """TREE as a local directory called `tree`."""
    top = tmp_path / "tree"
    top.mkdir()
    for name, content in sorted(TREE.items()):
        if content is None:
            (top / name).mkdir()
        else:
            (top / name).write_bytes(content)
    return top


def picture(top: Path) -> dict[str, bytes | None]:
    """What is below a local directory."""
    return {str(path.relative_to(top)): None if path.is_dir() else path.read_bytes() for path in top.rglob("*")}


class TestTrees:
    def test_up_and_down_again(self, client: Client, place: Place, tree: Path, tmp_path: Path) -> None:
        report = client.put(tree, "/copy", recursive=True)
        assert len(report) == len(TREE) + 1
        assert all(report)
        assert place.picture() == {"copy": None, **{f"copy/{name}": content for name, content in TREE.items()}}
        client.get("/copy", tmp_path / "back", recursive=True)
        assert picture(tmp_path / "back") == TREE

    def test_the_root_stands_for_its_content(self, client: Client, place: Place, tree: Path, tmp_path: Path) -> None:
        client.put(f"{tree}/.", "/", recursive=True)
        assert place.picture() == TREE
        (tmp_path / "back").mkdir()
        client.get("/", tmp_path / "back", recursive=True)
        assert picture(tmp_path / "back") == TREE

    def test_one_file_with_recursive(self, client: Client, place: Place, tree: Path, tmp_path: Path) -> None:
        client.put(tree / "top", "/f", recursive=True)
        client.get("/f", tmp_path / "g", recursive=True)
        assert (place.picture(), (tmp_path / "g").read_bytes()) == ({"f": b"at the top"}, b"at the top")

    def test_one_item_in_the_way_leaves_the_others_alone(self, client: Client, place: Place, tree: Path) -> None:
        place.plant("copy/sub/block", b"other")
        with pytest.raises(TransferFailed, match="1 of 9 items failed") as caught:
            client.put(f"{tree}/.", "/copy", recursive=True)
        (failed,) = caught.value.report.failed
        assert (failed.target, type(failed.error)) == ("/copy/sub/block", Exists)
        expected = {**TREE, "sub/block": b"other"}
        assert place.picture() == {"copy": None, **{f"copy/{name}": content for name, content in expected.items()}}

    def test_one_local_item_in_the_way(self, client: Client, place: Place, tree: Path, tmp_path: Path) -> None:
        client.put(tree, "/copy", recursive=True)
        here = tmp_path / "here"
        (here / "copy" / "sub").mkdir(parents=True)
        (here / "copy" / "sub" / "sub").write_bytes(b"a file where a directory is to be")
        with pytest.raises(TransferFailed) as caught:
            client.get("/copy", here, recursive=True)
        assert [result.source for result in caught.value.report.failed] == ["/copy/sub/sub", "/copy/sub/sub/deep ü"]
        expected = {**TREE, "sub/sub": b"a file where a directory is to be"}
        del expected["sub/sub/deep ü"]
        assert picture(here / "copy") == expected

    def test_links_are_followed_but_not_in_circles(
        self, client: Client, place: Place, tree: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "outside").write_bytes(b"linked")
        (tree / "link").symlink_to(tmp_path / "outside")
        (tree / "circle").symlink_to(tree)
        (tree / "dangling").symlink_to(tmp_path / "nothing")
        with pytest.raises(TransferFailed) as caught:
            client.put(tree, "/copy", recursive=True)
        assert sorted(result.target for result in caught.value.report.failed) == ["/copy/circle", "/copy/dangling"]
        assert place.picture()["copy/link"] == b"linked"
