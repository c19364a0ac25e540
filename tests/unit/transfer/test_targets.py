"""Copy rules, as `cp -r`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctaclient.storage.path import RemotePath
from ctaclient.transfer.targets import local_name, local_target, remote_target


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a", "a"),
        ("a/", "a"),
        ("x/a//", "a"),
        ("/x/a b", "a b"),
        (".", ""),
        ("./", ""),
        ("..", ""),
        ("x/..", ""),
        ("/", ""),
        ("...", "..."),
        (".hidden", ".hidden"),
    ],
)
def test_the_name_of_a_local_source(source: str, name: str) -> None:
    assert local_name(source) == name


@pytest.mark.parametrize(
    ("name", "directory_form", "is_dir", "target"),
    [
        ("n", False, False, "/dest"),
        ("n", True, False, "/dest/n"),
        ("n", False, True, "/dest/n"),
        ("n", True, True, "/dest/n"),
        ("", False, False, "/dest"),
        ("", True, True, "/dest"),
    ],
)
def test_up(name: str, directory_form: bool, is_dir: bool, target: str) -> None:
    dest = RemotePath.parse("/dest")
    assert str(remote_target(dest, name, directory_form=directory_form, is_dir=is_dir)) == target


@pytest.mark.parametrize(
    ("dest", "name", "target"),
    [
        (".", "n", "n"),
        ("", "n", "n"),
        ("new", "n", "new"),
        ("new/", "n", "new/n"),
        ("there", "n", "there/n"),
        ("there/", "n", "there/n"),
        ("link", "n", "link/n"),
        ("file", "n", "file"),
        ("there", "", "there"),
        ("new/", "", "new"),
    ],
)
def test_down(dest: str, name: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    Path("file").touch()
    Path("link").symlink_to("there")
    assert local_target(dest, name) == Path(target)
