"""Runs `ctaclient` as a user would, and says what a proper failure looks like."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctaclient.cli.run import run

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exit code and what was said."""

    code: int
    out: str
    err: str

    def check_failed(self, code: int) -> None:
        """It failed with `code`, and said so in one or two lines: what happened, and what to type."""
        assert self.code == code, self
        lines = self.err.splitlines()
        assert 1 <= len(lines) <= 2, self
        assert lines[0].startswith("ctaclient: "), self
        assert all(line.startswith("  try: ") for line in lines[1:]), self
        assert "Traceback" not in self.err + self.out
        assert "internal error" not in self.err


class Program:
    """`ctaclient` in the environment of the test: `program("ls", "/")`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Outcome:
        self._capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return Outcome(code, out, err)


def start_child(*arguments: object, before: str = "") -> subprocess.Popen[str]:
    """The program as a process of its own; `before` is Python that runs in it first."""
    code = f"import sys\n{before}\nfrom ctaclient.cli import main\nmain(sys.argv[1:])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish_child(child: subprocess.Popen[str], timeout_s: float = 30) -> Outcome:
    """Wait for its end."""
    try:
        out, err = child.communicate(timeout=timeout_s)
    finally:
        child.kill()
        child.wait()
    return Outcome(child.returncode, out, err)
