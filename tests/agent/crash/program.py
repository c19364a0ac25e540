"""Does one thing to a store in a process of its own, which stops first, so that a tracer can be put on it.

`python -m tests.agent.crash.program` reads lines of JSON, [ACTION, DIRECTORY, FORK]. With FORK it answers with the
number of the process, and once more with its exit code or the negative signal; without, it does it itself (what is
imported late is imported then). Nothing here hardens the process: what cannot be dumped cannot be traced.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.agent.crash.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PTRACER = 0x59616D61  # <sys/prctl.h>: where Yama is (ptrace_scope 1) a tracer has to be allowed
_PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)


def main() -> None:
    """Serve until the end of standard input."""
    if sys.platform.startswith("linux"):
        allow = ctypes.CDLL(None).prctl
    for line in sys.stdin:
        action, directory, fork = json.loads(line)
        do, base = ACTIONS[action], Path(directory)
        if not fork:
            do(base)
            _say(0)
            continue
        pid = os.fork()
        if pid == 0:
            allow(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY, 0, 0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            os._exit(_exit_code(do, base))
        os.waitpid(pid, os.WUNTRACED)
        _say(pid)
        _say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _exit_code(do: Callable[[Path], object], base: Path) -> int:
    try:
        do(base)
    except BaseException:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
        return 1
    return 0


def _say(number: int) -> None:
    print(number, flush=True)


if __name__ == "__main__":
    main()
