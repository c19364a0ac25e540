"""What it costs a shell or another program to get a token, in milliseconds for each process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.config.profiles import DEFAULT_PROFILE
from tests.bench.result import Result, timed
from tests.bench.stored_login import environ_of, make_login

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.peer import Peer

_ROUNDS = 40
LIMIT_MS = 50.0


def measure(home: Path, peer: Peer | None) -> list[Result]:
    """`ctaclient token` beside bare Python, `cat` of the file and the peer's program, in turns."""
    store = make_login(home)
    environ = environ_of(home)
    program = str(Path(sys.executable).with_name("ctaclient"))
    commands: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {
        "bare": ([sys.executable, "-c", "pass"], environ),
        "plain": ([program, "token"], environ),
        "options": ([program, "token", "--min-ttl", "1m"], environ),
        "cat": (["cat", str(store.token_file(DEFAULT_PROFILE))], environ),
    }
    if peer is not None:
        commands["peer"] = (peer.token_command, peer.environ)
    samples = _in_turns(commands)
    bare = statistics.median(samples["bare"])
    results = [
        timed("`python -c pass`", samples["bare"], "ms"),
        timed("`ctaclient token`", samples["plain"], "ms", limit=LIMIT_MS, over=bare),
        timed("`ctaclient token --min-ttl 1m`", samples["options"], "ms", limit=LIMIT_MS, over=bare),
        timed("`cat` of the token file", samples["cat"], "ms"),
    ]
    if peer is not None:
        results.append(timed(f"`oidc-token` ({peer.name})", samples["peer"], "ms"))
    for name, words in {"bare": "`python -c pass`", "cat": "`cat`", "peer": "`oidc-token`"}.items():
        if name in samples:
            ratio = statistics.median(samples["plain"]) / statistics.median(samples[name])
            results.append(Result(f"`ctaclient token` : {words}", f"{ratio:.1f}"))
    return results


def _in_turns(commands: Mapping[str, tuple[Sequence[str], Mapping[str, str]]]) -> dict[str, list[float]]:
    """Milliseconds of each command, one after the other, so that a busy moment hits all alike."""
    samples: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(_ROUNDS + 1):
        for name, (command, environ) in commands.items():
            begun = time.perf_counter()
            subprocess.run(command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
            if number:  # the first fills the caches, that of compiled Python included
                samples[name].append((time.perf_counter() - begun) * 1e3)
    return samples
