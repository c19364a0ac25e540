"""Starting the daemon: out of the terminal, with a clean environment, and not before it is ready do we go on."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from ctaclient.control.messages import read_error
from ctaclient.errors import AgentError, CtaError
from ctaclient_agent.process.environment import daemon_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READY_TIMEOUT_S = 60.0
_MAX_BYTES = 64 * 1024


def start_daemon(environ: Mapping[str, str], log_file: Path, key: bytes | None, *, debug: bool) -> dict[str, Any]:
    """Start `ctaclient_agent run` and wait until it is ready: `{"holder": text, "already": bool}`.

    `key` is the machine's private key where the daemon cannot open it by itself; it goes through a pipe.

    Raises the daemon's own error when it cannot serve, AgentError when it says nothing.
    """
    reading, writing = _pipe()
    key_reading, key_writing = _pipe()
    try:
        os.write(key_writing, key or b"")  # 32 bytes fit into any pipe
        os.close(key_writing)
        # -P: only what is installed, whatever lies in the working directory.
        command = [sys.executable, "-P", "-m", "ctaclient_agent", "run", "--ready-fd", str(writing)]
        command += ["--key-fd", str(key_reading)] if key else []
        process = subprocess.Popen(
            [*command, "--debug"] if debug else command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=daemon_environment(environ),
            cwd="/",
            start_new_session=True,
            close_fds=True,
            pass_fds=(writing, key_reading) if key else (writing,),
        )
    finally:
        os.close(writing)
        os.close(key_reading)
    try:
        line = _read_all(reading)
    finally:
        os.close(reading)
    hint = f"see {log_file}"
    if line is None:
        raise AgentError(f"the agent (pid {process.pid}) is not ready after {_READY_TIMEOUT_S:.0f} s", hint=hint)
    if not line:
        raise AgentError(f"the agent (pid {process.pid}) ended without a word", hint=hint)
    said: dict[str, Any] = json.loads(line)
    if "error" in said:
        raise read_error(said["error"])
    return said


class ReadyPipe:
    """The daemon's end: says one thing, then closes, so that nothing of the caller's stays open."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        if fd is not None:
            os.set_inheritable(fd, False)  # noqa: FBT003 - the function takes no keyword

    def ready(self, holder: str, *, already: bool) -> None:
        """The agent serves; or, with `already`, another one does."""
        self._say({"holder": holder, "already": already})

    def failed(self, error: CtaError) -> None:
        """It cannot."""
        self._say({"error": error.to_dict()})

    def _say(self, message: dict[str, Any]) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            try:
                os.write(fd, json.dumps(message).encode()[:_MAX_BYTES])
            except BrokenPipeError:
                pass  # the caller did not wait
            finally:
                os.close(fd)


def _pipe() -> tuple[int, int]:
    """A pipe above the standard descriptors: should these be closed here, the daemon puts /dev/null in their place."""
    low = os.pipe()
    try:
        reading, writing = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in low)
        return reading, writing
    finally:
        for fd in low:
            os.close(fd)


def _read_all(fd: int) -> bytes | None:
    """Everything until the other end is closed, or None when that takes too long."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    data = b""
    while True:
        readable, _, _ = select.select([fd], [], [], max(deadline - time.monotonic(), 0.0))
        if not readable:
            return None
        part = os.read(fd, _MAX_BYTES)
        if not part:
            return data
        data += part
