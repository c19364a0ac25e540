"""Opening a browser: an argument list, never a shell, and only addresses that mean nothing to one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import ConfigError
from ctaclient_agent.login.browser import is_openable, open_browser, require_display
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desktop(tmp_path: Path) -> dict[str, str]:
    """A machine whose browser writes down what it was called with."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("xdg-open", "open"):
        (programs / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {shlex.quote(str(tmp_path / "opened"))}\n')
        (programs / name).chmod(0o700)
    return {"PATH": str(programs), "BEARER_TOKEN": "secret", "BEARER_TOKEN_FILE": "/secret"}


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://issuer.example/",
        "file:///etc/passwd",
        "--help",
        "https://issuer.example/$(id)",
        "https://issuer.example/`id`",
        "https://issuer.example/;id",
        "https://issuer.example/'",
        'https://issuer.example/"',
        "https://issuer.example/a|b",
        "https://issuer.example/a\nb",
        "https://issuer.example/\x00",
        "https://issuer.example/\x1b[2J",
        "https://issuer.example/ --new",
        "https://user@issuer.example/",
        "https://issuer.example/*",
        "https://issuer.example/!x",
        "https://issuer.example/" + "a" * 10_000_000,
        "",
    ],
    ids=lambda url: repr(url[:30]),
)
def test_what_is_never_opened(desktop: dict[str, str], tmp_path: Path, url: str) -> None:
    assert open_browser(url, desktop) is None
    assert not (tmp_path / "opened").exists()


def test_an_address_is_one_argument(desktop: dict[str, str], tmp_path: Path) -> None:
    url = f"https://issuer.example:8443/authorize?{urlencode({'scope': 'a b', 'redirect_uri': 'http://127.0.0.1:1/c'})}"
    process = open_browser(url, desktop)
    assert process is not None
    assert process.wait(20) == 0
    eventually((tmp_path / "opened").exists)
    assert (tmp_path / "opened").read_text() == url + "\n"


def test_no_program_and_one_that_cannot_run(tmp_path: Path) -> None:
    assert open_browser("https://issuer.example/", {"PATH": str(tmp_path)}) is None
    for name in ("xdg-open", "open"):
        (tmp_path / name).write_bytes(b"no program")
        (tmp_path / name).chmod(0o700)
    assert open_browser("https://issuer.example/", {"PATH": str(tmp_path)}) is None


@given(st.text() | st.text().map(lambda text: "https://issuer.example/" + text))
def test_nothing_for_a_shell_passes(url: str) -> None:
    if is_openable(url):
        assert url.startswith("https://")
        assert not set(url) & set(" $`\\\"'|;<>(){}!*#\n\r\t\0")


def test_a_display(desktop: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="no display") as caught:
        require_display({**desktop, "SSH_CONNECTION": "somewhere"})
    assert "--flow device" in str(caught.value.hint)
    require_display({"DISPLAY": ":0"})
    require_display({"WAYLAND_DISPLAY": "wayland-0"})
