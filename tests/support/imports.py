"""What a program has loaded when it ends."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# A module that is None was looked for, and is not there.
_TELL = """\
import atexit, sys
atexit.register(lambda: sys.stderr.write("".join(f"{name}\\n" for name, each in sys.modules.items() if each)))
"""


def modules_after(code: str, *arguments: str, environ: Mapping[str, str]) -> set[str]:
    """The names of all modules that a fresh Python has in the end, `code` having been run with `arguments`."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _TELL + code, *arguments],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def foreign(modules: set[str], environ: Mapping[str, str]) -> set[str]:
    """Those of `modules` that are not ours, nor the standard library's, nor in every Python of this installation."""
    everywhere = modules_after("", environ=environ)
    ours = sys.stdlib_module_names | {"ctaclient", "ctaclient_agent"}
    return {name for name in modules - everywhere if name.partition(".")[0] not in ours}
