"""The source tree, and Python in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"ctaclient": ROOT / "ctaclient", "ctaclient_agent": ROOT / "agent" / "ctaclient_agent"}


def sources(*directories: Path) -> list[Path]:
    """All Python files below."""
    return sorted(path for directory in directories for path in directory.rglob("*.py"))


def relative(path: Path) -> str:
    """As messages name it."""
    return str(path.relative_to(ROOT))


def python(code: str, *args: str, **environ: str) -> str:
    """What `code` prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *args],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
