"""What a program imports, as Python itself tells."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def imported(*command: str, environ: Mapping[str, str]) -> set[str]:
    """The names of all modules that `python COMMAND` loads until it ends well."""
    done = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", *command],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}
