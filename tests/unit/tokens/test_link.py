"""The link at WLCG's default place: ours comes and goes, what is of others stays."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import ConfigError, Exists, UnsafePath
from ctaclient.tokens.link import link_path, linked_profile, make_link, remove_link
from ctaclient.tokens.store import TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def environ(runtime: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(runtime)}


@pytest.fixture
def link(runtime: Path) -> Path:
    return runtime / f"bt_u{os.geteuid()}"


def test_made_once_and_again(store: TokenStore, environ: dict[str, str], link: Path) -> None:
    assert link_path(environ) == link
    assert linked_profile(link, store) is None
    for _ in range(2):
        assert make_link(environ, store, "site") == link
        assert link.readlink() == store.token_file("site")
        assert linked_profile(link, store) == "site"
    assert make_link(environ, store, "other") == link
    assert linked_profile(link, store) == "other"


def test_removed(store: TokenStore, environ: dict[str, str], link: Path) -> None:
    assert remove_link(link, store) is False
    make_link(environ, store, "site")  # there is no such login: it is our link all the same
    assert remove_link(link, store) is True
    assert not os.path.lexists(link)


def test_a_store_that_is_reached_by_another_name(environ: dict[str, str], link: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    make_link(environ, TokenStore(tmp_path / "real" / "store"), "site")
    assert linked_profile(link, TokenStore(tmp_path / "alias" / "store")) == "site"


def _file(path: Path) -> None:
    path.write_text("of-another-program")


def _empty(path: Path) -> None:
    path.touch()


def _directory(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link_to_a_file(path: Path) -> None:
    path.with_name("elsewhere").write_text("of-another-program")
    path.symlink_to("elsewhere")


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("/nowhere/at/all/token")


def _link_to_another_file_of_ours(path: Path) -> None:
    path.symlink_to(path.parent.parent / "store" / "site" / "record.json")


def _link_to_another_store(path: Path) -> None:
    path.symlink_to(path.parent.parent / "other-store" / "site" / "token")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _link_into_a_circle(path: Path) -> None:
    path.with_name("circle").symlink_to("circle")
    path.symlink_to("circle/site/token")


@pytest.mark.parametrize(
    "plant",
    [
        _file,
        _empty,
        _directory,
        _pipe,
        _link_to_a_file,
        _link_to_nothing,
        _link_to_another_file_of_ours,
        _link_to_another_store,
        _link_to_itself,
        _link_into_a_circle,
    ],
    ids=lambda plant: plant.__name__,
)
def test_what_is_of_others_is_never_touched(
    store: TokenStore, environ: dict[str, str], link: Path, plant: Callable[[Path], None]
) -> None:
    def picture() -> list[object]:
        info = os.lstat(link)
        names = sorted(os.listdir(link.parent))
        content = link.read_bytes() if stat.S_ISREG(info.st_mode) else None
        return [info.st_ino, info.st_mode, info.st_mtime_ns, link.is_symlink() and link.readlink(), names, content]

    plant(link)
    before = picture()
    assert linked_profile(link, store) is None
    with pytest.raises(Exists, match="is of another program and stays as it is") as caught:
        make_link(environ, store, "site")
    assert caught.value.exit_code == 6
    with pytest.raises(Exists):
        remove_link(link, store)
    assert picture() == before


@pytest.mark.parametrize("value", [None, "", "relative/path"])
def test_without_a_runtime_directory(store: TokenStore, value: str | None) -> None:
    environ = {} if value is None else {"XDG_RUNTIME_DIR": value}
    assert link_path(environ) is None
    with pytest.raises(ConfigError, match="XDG_RUNTIME_DIR") as caught:
        make_link(environ, store, "site")
    assert "BEARER_TOKEN_FILE" in (caught.value.hint or "")


def test_a_runtime_directory_that_is_gone(store: TokenStore, environ: dict[str, str], runtime: Path) -> None:
    runtime.rmdir()
    with pytest.raises(ConfigError, match="cannot be used: No such file or directory") as caught:
        make_link(environ, store, "site")
    assert "BEARER_TOKEN_FILE" in (caught.value.hint or "")


def test_a_runtime_directory_that_others_may_use(
    store: TokenStore, environ: dict[str, str], runtime: Path, link: Path
) -> None:
    runtime.chmod(0o755)
    with pytest.raises(UnsafePath, match="is open to others"):
        make_link(environ, store, "site")
    assert not os.path.lexists(link)
