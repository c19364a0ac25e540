"""strace(1) on a process of `program.py`: which system calls it makes, and what is there when it is killed at one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Nothing that another process could see, and not as often in each run: a kill there is one at the next call.
_MEMORY = frozenset({"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "rt_sigaction"})


@dataclass(frozen=True, slots=True)
class Call:
    """The `nth` call of `name`; `text` is strace's line, with paths and data."""

    name: str
    nth: int
    text: str


def needs_strace() -> None:
    """Skip where strace is missing or not allowed; fail where it may not be."""
    if shutil.which("strace") is None:
        missing = "strace is missing; on Debian or Ubuntu: sudo apt install strace"
    elif subprocess.run(["strace", "--output", os.devnull, "true"], stderr=subprocess.DEVNULL).returncode:
        missing = "strace may not trace here: see kernel.yama.ptrace_scope, or give the container SYS_PTRACE"
    else:
        return
    if os.environ.get("CTACLIENT_TEST_SERVERS") == "required":
        pytest.fail(missing)
    pytest.skip(missing)


class Program:
    """`program.py`, running. For one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.agent.crash.program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )

    def warm(self, action: str, base: Path) -> None:
        """Do it untraced, so that all is imported and remembered afterwards."""
        self._tell(action, base, fork=False)
        assert self._hear() == 0

    def calls(self, action: str, base: Path) -> list[Call]:
        """Do it, and list its system calls."""
        log = base.with_name(f"{base.name}.strace")
        assert self._traced(action, base, "--output", str(log), "--string-limit", "400") == 0
        counts: dict[str, int] = {}
        calls = []
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if found := re.match(r"(\w+)\(", line):
                name = found[1]
                counts[name] = counts.get(name, 0) + 1
                calls.append(Call(name, counts[name], line))
        assert not {"clone", "clone3", "fork", "vfork"} & set(counts), "only one thread is traced"
        assert calls[-1].name == "exit_group"
        return [call for call in calls if call.name not in _MEMORY]

    def kill_at(self, action: str, base: Path, call: Call) -> None:
        """Do it up to `call`, which is not made any more."""
        fault = f"{call.name}:signal=KILL:when={call.nth}"
        code = self._traced(action, base, "--output", os.devnull, f"--trace={call.name}", f"--inject={fault}")
        assert code == -signal.SIGKILL, f"not killed at {call}"

    def _traced(self, action: str, base: Path, *options: str) -> int:
        self._tell(action, base, fork=True)
        pid = self._hear()
        command = ["strace", *options, "--attach", str(pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            said = strace.stderr.readline()
            os.kill(pid, signal.SIGCONT if "attached" in said else signal.SIGKILL)
            code = self._hear()
        assert "attached" in said, said
        return code

    def _tell(self, action: str, base: Path, *, fork: bool) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([action, str(base), fork]) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the program has ended"
        return int(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
