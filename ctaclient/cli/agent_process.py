"""The agent's program, started as a process: it is never imported here."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_agent_program(arguments: Sequence[str]) -> int:
    """Run `ctaclient_agent ARGUMENTS` on this terminal; its exit code."""
    # What our caller opened goes along, for --passphrase-fd; what Python opens does not (PEP 446).
    process = subprocess.Popen(_command(arguments), env=_environment(), close_fds=False)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal told the agent, too, and the agent says what becomes of it
        except BaseException:
            process.terminate()
            raise


def become_agent_program(arguments: Sequence[str]) -> None:
    """The same without a parent in between: signals and a service manager's eye are on the agent itself."""
    os.execve(sys.executable, _command(arguments), _environment())  # noqa: S606 - a list, and no shell


def _command(arguments: Sequence[str]) -> list[str]:
    # -P: a module of that name in the current directory is not ours.
    return [sys.executable, "-P", "-m", "ctaclient_agent", *arguments]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "BEARER_TOKEN"}
