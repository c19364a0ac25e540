"""Where things lie, in homes of all kinds."""

from __future__ import annotations

import os
from pathlib import Path
from socket import gethostname

import pytest

from ctaclient.config.paths import Paths
from ctaclient.control.address import socket_address
from ctaclient.errors import ConfigError


def all_of(paths: Paths) -> list[Path]:
    return [paths.config, paths.store, paths.state, paths.runtime]


def test_everything_below_ctaclient_home(tmp_path: Path) -> None:
    paths = Paths.of({"CTACLIENT_HOME": str(tmp_path)})
    assert all_of(paths) == [tmp_path / part for part in ("config", "store", "state", f"run-{gethostname()}")]
    assert paths.config_file == tmp_path / "config" / "config.toml"


def test_a_relative_ctaclient_home_does_not_move_with_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert all(path.is_relative_to(tmp_path) for path in all_of(Paths.of({"CTACLIENT_HOME": "mine"})))


def test_nothing_is_made(tmp_path: Path) -> None:
    Paths.of({"CTACLIENT_HOME": str(tmp_path / "none")})
    assert not (tmp_path / "none").exists()


def test_by_home() -> None:
    paths = Paths.of(os.environ)
    assert all(path.is_relative_to(Path.home()) for path in all_of(paths))
    assert len({*all_of(paths)}) == 4


def test_by_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / name))
    paths = Paths.of(os.environ)
    assert paths.config == tmp_path / "XDG_CONFIG_HOME" / "ctaclient"
    assert paths.store == tmp_path / "XDG_DATA_HOME" / "ctaclient" / "store"
    assert paths.state == tmp_path / "XDG_STATE_HOME" / "ctaclient"
    assert paths.runtime == tmp_path / "XDG_RUNTIME_DIR" / "ctaclient"


@pytest.mark.parametrize("runtime", ["", "relative", "/nonexistent/run"])
def test_a_useless_runtime_directory_is_not_used(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    paths = Paths.of(os.environ)
    assert paths.runtime.parent == paths.state


def test_without_user_and_home_the_password_file_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    assert all(path.is_absolute() for path in all_of(Paths.of(os.environ)))


def test_a_home_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "relative")
    with pytest.raises(ConfigError, match="home directory is not known") as caught:
        Paths.of(os.environ)
    assert "CTACLIENT_HOME" in (caught.value.hint or "")


def test_without_a_home_ctaclient_home_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    assert Paths.of({"CTACLIENT_HOME": str(tmp_path)}).store == tmp_path / "store"


def test_the_socket_has_an_address_however_long_the_home(tmp_path: Path) -> None:
    paths = Paths.of({"CTACLIENT_HOME": str(tmp_path / ("x" * 200))})
    paths.runtime.mkdir(parents=True)
    with socket_address(paths.agent_socket) as address:
        assert len(os.fsencode(address)) <= 107
