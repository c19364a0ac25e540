"""The agent in the foreground: for containers, for services of another kind, and for looking on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from ctaclient_agent.daemon.sd_notify import VARIABLES
from ctaclient_agent.process.environment import daemon_environment

if TYPE_CHECKING:
    from collections.abc import Mapping


def become_agent(environ: Mapping[str, str], key: bytes | None, *, debug: bool) -> NoReturn:
    """Replace this process by the agent: same pid, so that signals and the service manager's eye stay on it.

    A new program, because a login loads much that an agent has no use for. `key` is the machine's private key where
    the agent cannot open it by itself; it goes through a pipe.
    """
    command = [sys.executable, "-P", "-m", "ctaclient_agent", "run", "--foreground"]
    if key is not None:
        reading, writing = os.pipe()
        os.write(writing, key)  # 32 bytes fit into any pipe
        os.close(writing)
        os.set_inheritable(reading, True)  # noqa: FBT003 - the function takes no keyword
        command += ["--key-fd", str(reading)]
    kept = {name: environ[name] for name in VARIABLES if name in environ}
    environment = {**daemon_environment(environ), **kept}
    os.chdir("/")  # as the daemon: no directory is kept busy
    os.execve(sys.executable, [*command, "--debug"] if debug else command, environment)  # noqa: S606 - no shell
