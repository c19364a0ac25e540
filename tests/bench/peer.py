"""Debian's oidc-agent (`apt install oidc-agent-cli`), logged in at the same issuer, for comparison."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.sandbox.person import approve
from tests.bench.result import Result
from tests.support.memory import resident_kib
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctaclient.sandbox.sandbox import Sandbox

_ACCOUNT = "bench"


@dataclass(frozen=True)
class Peer:
    """A running oidc-agent with one account."""

    name: str
    pids: tuple[int, ...]
    environ: Mapping[str, str]
    token_command: tuple[str, ...] = ("oidc-token", _ACCOUNT)

    def memory(self) -> list[Result]:
        """Resident memory of its processes together."""
        found = [kib for kib in map(resident_kib, self.pids) if kib is not None]
        what = f"resident memory of {self.name}, {len(found)} processes"
        return [Result(what, f"{sum(found) / 1024:.1f} MiB")] if found else []


@contextlib.contextmanager
def running_peer(home: Path, sandbox: Sandbox) -> Iterator[Peer | None]:
    """It until the end of the block, or None where it is not installed."""
    if shutil.which("oidc-agent") is None or shutil.which("oidc-gen") is None:
        yield None
        return
    name = subprocess.run(["oidc-agent", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    (home / ".config" / "oidc-agent").mkdir(mode=0o700, parents=True)
    socket = home / "socket"
    environ = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "TMPDIR": str(home), "OIDC_SOCK": str(socket)}
    with subprocess.Popen(
        ["oidc-agent", "--console", "--socket-path", str(socket)],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            eventually(socket.exists)
            _log_in(home, environ, sandbox)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            yield Peer(name, (process.pid, *map(int, children.read_text().split())), environ)
        finally:
            process.kill()


def _log_in(home: Path, environ: Mapping[str, str], sandbox: Sandbox) -> None:
    password = home / "password"
    password.touch(mode=0o600)
    password.write_text("of no interest\n")
    command = [
        *("oidc-gen", "--manual", "--flow=device", "--issuer", sandbox.issuer_url, "--cp", str(sandbox.ca_file)),
        # It takes a secret in no other way; this one lives as long as the benchmarks.
        *(
            "--client-id",
            sandbox.confidential_client_id,
            "--client-secret",
            sandbox.client_secret_file.read_text().strip(),
        ),
        *("--scope", "openid offline_access", "--prompt=none", "--confirm-default", "--no-url-call"),
        *("--pw-file", str(password), _ACCOUNT),
    ]
    with subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if code := re.search(r"enter the code: (\S+)", line):
                uri = re.search(r"https://\S+", said)
                assert uri is not None
                approve(uri[0], code[1], sandbox.ca_file)
    if process.returncode != 0:
        raise RuntimeError(f"oidc-gen ended with {process.returncode}: {said}")
