"""Whether the agent's memory grows with its refreshes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.bench.result import Result

if TYPE_CHECKING:
    from pathlib import Path

# Not nothing: Python's table of interned names is made anew now and then, a megabyte at a time.
LIMIT_MIB, GROWTH_MIB = 45.0, 2.0
# As the daemon begins, before it imports anything else.
_AGENT = (
    "from ctaclient_agent.process.footprint import slim; slim(); from tests.bench.refreshing_agent import main; main()"
)


def measure(directory: Path, count: int) -> list[Result]:
    """Resident memory after 1, 100, 1000 … `count` refreshes; flat is less than 2 MiB from the 1000th on."""
    directory.mkdir(mode=0o700)
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.bench.token_endpoint", str(directory)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as endpoint:
        assert endpoint.stdin is not None
        assert endpoint.stdout is not None
        url = endpoint.stdout.readline().strip()
        begun = time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", _AGENT, str(directory), url, str(count)],
                # one small file of CAs: reading all of the system's each time would double the time that this takes
                env={**environ, "SSL_CERT_FILE": str(directory / "ca.pem")},
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            endpoint.stdin.close()
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    each_ms = (time.monotonic() - begun) / count * 1e3
    seen = {int(number): int(kib) / 1024 for number, kib in map(str.split, done.stdout.splitlines())}
    results = [
        Result(
            f"resident memory after {number} refreshes", f"{mib:.1f} MiB", "", f"≤ {LIMIT_MIB:g} MiB", mib <= LIMIT_MIB
        )
        for number, mib in seen.items()
    ]
    if count > 1000:
        growth = seen[count] - seen[1000]
        goal = f"≤ {GROWTH_MIB:g} MiB"
        results.append(Result(f"growth from 1000 to {count}", f"{growth:+.1f} MiB", "", goal, growth <= GROWTH_MIB))
    return [*results, Result("one such refresh, with a TLS handshake, on a file system in memory", f"{each_ms:.1f} ms")]
