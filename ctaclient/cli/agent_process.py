"""The agent's program, started as a process: it is never imported here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from ctaclient.cli.run import Terminated

if TYPE_CHECKING:
    from collections.abc import Sequence

# A login that is given up is undone at the issuer first: a request at its limit.
_END_TIMEOUT_S = 35.0


def run_agent_program(arguments: Sequence[str]) -> int:
    """Run `ctaclient_agent ARGUMENTS` on this terminal; its exit code."""
    # What our caller opened goes along, for --passphrase-fd; what Python opens does not (PEP 446).
    process = subprocess.Popen(_command(arguments), env=_environment(), close_fds=False)
    while True:
        try:
            return _exit_code(process.wait())
        except KeyboardInterrupt:
            continue  # the terminal told the agent, too, and the agent says what becomes of it
        except Terminated:
            process.terminate()
            try:
                return _exit_code(process.wait(_END_TIMEOUT_S))  # it says so itself
            except subprocess.TimeoutExpired:
                raise Terminated from None
        except BaseException:
            process.terminate()
            raise


def _exit_code(returned: int) -> int:
    """As a shell has it, saying what the agent's program could not say any more."""
    if returned >= 0:
        return returned
    click.echo(f"ctaclient: the agent's program was ended by {_signal_name(-returned)}", err=True)
    return 128 - returned


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def become_agent_program(arguments: Sequence[str]) -> None:
    """The same without a parent in between: signals and a service manager's eye are on the agent itself."""
    os.execve(sys.executable, _command(arguments), _environment())  # noqa: S606 - a list, and no shell


def _command(arguments: Sequence[str]) -> list[str]:
    # -P: a module of that name in the current directory is not ours.
    return [sys.executable, "-P", "-m", "ctaclient_agent", *arguments]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "BEARER_TOKEN"}
