"""Running the program: inside this process, or as one of its own where descriptors matter."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ctaclient.cli.run import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How a run of the program ended."""

    code: int
    out: str
    err: str


Cli = "Callable[..., Outcome]"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty CTACLIENT_HOME."""
    monkeypatch.setenv("CTACLIENT_HOME", str(tmp_path / "cta"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "cta"


@pytest.fixture
def cli(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs `ctaclient ARGS` in this process."""

    def call(*args: str) -> Outcome:
        code = run(args)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call


def python(*args: str, stdout: int = subprocess.PIPE, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Python with `args` as a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, *args],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environ},
        timeout=60,
        check=False,
    )
