"""Where the client secret comes from."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ctaclient.config.file import ConfigFile
from ctaclient.config.settings import Arguments
from ctaclient.errors import ConfigError, UnsafePath
from ctaclient_agent.login.secret import find_secret, prompt_secret, read_secret_file
from ctaclient_agent.login.target import resolve_target
from ctaclient_agent.logins.credentials import Login

CONFIDENTIAL = resolve_target(Arguments(), {}, ConfigFile())
PUBLIC = replace(CONFIDENTIAL, client_id="public")
SEALED = Login("cta-cscs", "https://i", 1, "c", "https://s", "", "", None, None, "refresh", client_secret="sealed")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("from-file\n")
    path.chmod(0o600)
    return path


def test_order(file: Path) -> None:
    assert find_secret(CONFIDENTIAL, file, SEALED, lambda _: "typed") == "from-file"
    assert find_secret(CONFIDENTIAL, None, SEALED, lambda _: "typed") == "sealed"
    assert find_secret(CONFIDENTIAL, None, None, lambda _: " typed\n") == "typed"
    assert find_secret(PUBLIC, None, None, lambda _: "typed") is None
    assert prompt_secret(PUBLIC, lambda _: None) is None


def test_no_terminal_and_no_file() -> None:
    with pytest.raises(ConfigError) as caught:
        find_secret(CONFIDENTIAL, None, None, lambda _: None)
    assert caught.value.hint == "--client-secret-file FILE"


@pytest.mark.parametrize("typed", ["", "  ", "a\x00b"])
def test_nothing_usable_was_typed(typed: str) -> None:
    with pytest.raises(ConfigError):
        find_secret(CONFIDENTIAL, None, None, lambda _: typed)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(UnsafePath) as caught:
        read_secret_file(file)
    assert caught.value.hint == f"chmod 600 {file}"


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"x" * 5000, b"\xff\x00"])
def test_a_file_that_holds_no_secret(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_secret_file(file)
    assert "xxx" not in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigError):
            read_secret_file(path)


def test_a_pipe_will_do() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped\n")
    os.close(writing)
    try:
        assert read_secret_file(Path(f"/dev/fd/{reading}")) == "piped"
    finally:
        os.close(reading)
