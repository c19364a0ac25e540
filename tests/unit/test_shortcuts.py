"""`import ctaclient`: one client, renewed when what selects it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient.config.file import save_profile
from ctaclient.config.paths import Paths
from ctaclient.config.profiles import Profile
from ctaclient.shortcuts import default_client, token

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CTACLIENT_HOME", str(tmp_path / "cta"))
    return tmp_path / "cta"


def test_it_is_one_client() -> None:
    assert default_client() is default_client()
    assert repr(default_client()) == "<Client: profile cta-cscs>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CTACLIENT_PROFILE", "cta-cscs-dev"),
        ("CTACLIENT_STORAGE_URL", "https://other.example"),
        ("CTACLIENT_CA_BUNDLE", "/other.pem"),
        ("CTACLIENT_HOME", "/nonexistent"),
        ("BEARER_TOKEN", "other"),
        ("BEARER_TOKEN_FILE", "/other"),
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("ALL_PROXY", "http://proxy:3128"),
        ("no_proxy", "*"),
        ("HOME", "/nonexistent"),
        ("XDG_DATA_HOME", "/nonexistent"),
        ("XDG_RUNTIME_DIR", "/nonexistent"),
    ],
)
def test_the_environment_selects_another(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = default_client()
    monkeypatch.setenv(name, value)
    after = default_client()
    assert after is not before
    assert default_client() is after


def test_the_token_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("one", "two"):
        monkeypatch.setenv("BEARER_TOKEN", value)
        assert token().value == value


def test_config_toml_selects_another(home: Path) -> None:
    before = default_client()
    config = Paths.of({"CTACLIENT_HOME": str(home)}).config_file
    save_profile(config, Profile("mine", storage_url="https://mine.example"), make_default=True)
    assert repr(default_client()) == "<Client: profile mine>"
    assert default_client() is not before
