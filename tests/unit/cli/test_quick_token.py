"""The plain `ctaclient token`: quick, and word for word what the whole program says."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ctaclient.config.paths import Paths
from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken
from tests.support.imports import foreign, modules_after
from tests.unit.cli.conftest import python
from tests.unit.tokens.conftest import a_record

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "from ctaclient.cli import main; main()"
LIBRARY = "import ctaclient; assert ctaclient.token().value == 'token-1'"
# Each takes as long as all the rest, or speaks to somebody.
HEAVY = {"argparse", "asyncio", "click", "email", "http", "logging", "secrets", "socket", "ssl", "subprocess"}


@pytest.fixture
def store(home: Path) -> TokenStore:
    """A living login of the built-in profile."""
    store = TokenStore(Paths.of(os.environ).store)
    publish(store, time.time() + 600)
    return store


def publish(store: TokenStore, expires_at: float) -> None:
    url = "https://dcache.cta.cscs.ch:2880"
    record = a_record(profile="cta-cscs", storage_url=url, expires_at=expires_at)
    store.publish(record, AccessToken("token-1"))


def test_nothing_is_loaded_that_reading_does_not_need(store: TokenStore) -> None:
    for code, arguments in ((PROGRAM, ["token"]), (PROGRAM, ["token", "--format", "header"]), (LIBRARY, [])):
        modules = modules_after(code, *arguments, environ=os.environ)
        assert "ctaclient.identity" in modules
        assert foreign(modules, os.environ) == set()
        assert not {name.partition(".")[0] for name in modules} & HEAVY


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["token"], b"token-1\n"),
        (["print-token"], b"token-1\n"),
        (["token", "--format", "header"], b"Authorization: Bearer token-1\n"),
        (["token", "--format", "raw"], b"token-1\n"),
        (["token", "--min-ttl", "1m"], b"token-1\n"),
    ],
)
def test_what_it_prints(arguments: list[str], said: bytes) -> None:
    done = python("-m", "ctaclient", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, said, b"")


@pytest.mark.usefixtures("store")
def test_a_token_from_the_environment_wins() -> None:
    assert python("-m", "ctaclient", "token", BEARER_TOKEN="mine").stdout == b"mine\n"


@pytest.mark.parametrize("arguments", [["token"], ["token", "--min-ttl", "0"]])
def test_trouble_is_told_as_ever(store: TokenStore, arguments: list[str]) -> None:
    publish(store, time.time() - 1)
    expired = python("-m", "ctaclient", *arguments)
    assert (expired.returncode, expired.stdout) == (4, b"")
    assert b"has expired" in expired.stderr
    assert b"try: ctaclient start-agent --profile cta-cscs" in expired.stderr
    broken = python("-m", "ctaclient", *arguments, BEARER_TOKEN="two words")
    assert (broken.returncode, broken.stdout) == (4, b"")
    assert b"BEARER_TOKEN does not hold an access token" in broken.stderr


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("content", "code", "said"), [("piped", 0, b"piped\n"), ("two words", 4, b"")])
def test_a_pipe_is_read_once(content: str, code: int, said: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, content.encode())
    os.close(writing)
    done = subprocess.run(
        [sys.executable, "-m", "ctaclient", "token"],
        env={**os.environ, "BEARER_TOKEN_FILE": f"/dev/fd/{reading}"},
        pass_fds=[reading],
        capture_output=True,
        timeout=60,
        check=False,
    )
    os.close(reading)
    assert (done.returncode, done.stdout) == (code, said)


@pytest.mark.usefixtures("home")
def test_what_is_written_is_not_written_again() -> None:
    line = b"x" * 6000 + b"\n"
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, False)  # so it takes a page, and no more until that is read
    with subprocess.Popen(
        [sys.executable, "-m", "ctaclient", "token"],
        env={**os.environ, "BEARER_TOKEN": "x" * 6000},
        stdout=writing,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            got = stream.read()
    assert got
    assert line.startswith(got)
    assert (process.returncode == 0) == (got == line)


@pytest.mark.usefixtures("store")
def test_a_full_disk_is_an_error() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = python("-m", "ctaclient", "token", stdout=full.fileno())
    assert done.returncode == 10
    assert b"the output cannot be written" in done.stderr
