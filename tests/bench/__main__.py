"""All benchmarks, one after the other; prints a page of Markdown.

    python -m tests.bench [--refreshes N]

Takes two to five minutes. Nothing but loopback is spoken to. Debian's oidc-agent is compared where it is installed.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import threading
from pathlib import Path

from ctaclient.sandbox import Options, Sandbox
from tests.bench import agent_process, machine, recovery, refresh_memory, token_library, token_program
from tests.bench.peer import running_peer
from tests.bench.result import table

_IDLE_S = 60.0


def main(refreshes: int) -> None:
    """Measure and print. What needs a quiet machine comes first; the idle agent is watched while others work."""
    # Ours would be written for the user of a daemon, and one without compiled files is another program.
    for name in [name for name in os.environ if name.startswith(("CTACLIENT_", "BEARER_TOKEN", "PYTHON"))]:
        del os.environ[name]
    os.umask(0o077)
    logging.getLogger().addHandler(logging.NullHandler())
    print(machine.description() + "\n", flush=True)
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(dir=_in_memory()) as fast:
        directory = Path(name)
        for part in ("library", "program", "peer", "recovery"):
            (directory / part).mkdir(mode=0o700)
        with Sandbox.start(directory / "sandbox", Options()) as sandbox:
            with running_peer(directory / "peer", sandbox) as peer:
                results = token_library.measure(directory / "library")
                results += token_program.measure(directory / "program", peer)
                peers = peer.memory() if peer is not None else []
            results += agent_process.approval(directory, sandbox)
            idle = agent_process.Idle(directory, sandbox)
            idle.start()
            results += agent_process.memory(directory)
            results += peers
            results += refresh_memory.measure(Path(fast) / "refreshing", refreshes)
            results += recovery.measure(directory / "recovery")
            results += idle.stop(_IDLE_S, _pause)
    print(table(results))


def _pause(seconds: float) -> None:
    """Wait, which no test may do: here it is what is measured."""
    threading.Event().wait(max(seconds, 0.0))


def _in_memory() -> str | None:
    """A file system in memory, if there is one: what is measured there is not the disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure, and print Markdown.")
    parser.add_argument("--refreshes", type=int, default=3000, help="how often the agent refreshes for its memory")
    main(parser.parse_args().refreshes)
