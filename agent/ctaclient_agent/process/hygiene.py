"""Keeping a process that holds secrets to itself: no core dump, no debugger, private files."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_DUMPABLE = 4  # <sys/prctl.h>


def harden() -> None:
    """umask 077, no core files; on Linux no ptrace and no reading of /proc/PID/mem and environ by the same user."""
    os.umask(0o077)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # whoever started us may ignore it; see send_limit.py
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform.startswith("linux"):
        # Best effort: a container's filter may forbid it, which is no reason not to work.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
