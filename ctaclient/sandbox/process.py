"""Starting and ending the server processes, from the parent's side."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.errors import CtaError
from ctaclient.sandbox.child import READY

if TYPE_CHECKING:
    from ctaclient.sandbox.layout import Layout

_START_S = 60.0
_STOP_S = 5.0


def bind() -> socket.socket:
    """A listening socket on a free port of 127.0.0.1: its URL is known before the server runs."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.set_inheritable(True)
    return listener


def start_server(name: str, layout: Layout, listener: socket.socket) -> subprocess.Popen[bytes]:
    """Start one server; the caller closes its copy of `listener`."""
    log = os.open(layout.log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    arguments = [name, str(layout.config(name)), str(listener.fileno()), str(os.getpid())]
    try:
        # -P and our own PYTHONPATH: the same ctaclient as here, whatever lies in the working directory.
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "ctaclient.sandbox", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(listener.fileno(),),
            env=_environment(),
            start_new_session=True,  # Ctrl-C in a terminal is for the parent alone
        )
    finally:
        os.close(log)


def wait_until_ready(process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Raises CtaError when the server ends, or does not come up."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], _START_S)
    if not readable or process.stdout.readline() != READY:
        raise CtaError(f"the sandbox's {name} did not start", hint=f"see {log}")


def stop_servers(processes: list[subprocess.Popen[bytes]]) -> None:
    """End them all, and wait until they are gone."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_S
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _environment() -> dict[str, str]:
    """Ours, but for tokens, which are none of a server's business."""
    root = str(Path(__file__).resolve().parents[2])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BEARER_TOKEN")}
    paths = [root, inherited["PYTHONPATH"]] if inherited.get("PYTHONPATH") else [root]
    return {**inherited, "PYTHONPATH": os.pathsep.join(paths)}
