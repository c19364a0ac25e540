"""Debian's oidc-agent with an account at an issuer, without a terminal."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.providers.issuer import Issuer

INSTALL = "apt-get install --no-install-recommends oidc-agent-cli"


def is_installed() -> bool:
    """Whether there is anything to start."""
    return shutil.which("oidc-agent") is not None and shutil.which("oidc-gen") is not None


@contextlib.contextmanager
def running_oidc_agent(directory: Path) -> Iterator[Path]:
    """The socket (`OIDC_SOCK`) of an oidc-agent without accounts, until the end of the block."""
    socket = directory / "socket"
    (directory / ".config").mkdir(mode=0o700)  # it makes the rest
    process = subprocess.Popen(
        ["oidc-agent", "--console", "--socket-path", socket],
        env=_environ(directory),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        eventually(socket.exists)
        yield socket
    finally:
        process.terminate()
        process.wait()


def log_in(directory: Path, socket: Path, issuer: Issuer, account: str) -> None:
    """Make `account` by the device flow. Raises AssertionError with what oidc-gen says when that fails."""
    password = directory / "password"
    password.write_text("of no interest\n")
    # Form-encoded here (RFC 6749 2.3.1), as it does not do that; it takes a secret by argument or by question only.
    secret = quote_plus(issuer.client_secret_file.read_text().strip())
    command = [
        *("oidc-gen", "--manual", "--flow=device", "--issuer", issuer.url, "--cp", str(issuer.ca_file)),
        *("--client-id", issuer.confidential_client_id, "--client-secret", secret),
        *("--scope", "openid offline_access", "--prompt=none", "--confirm-default", "--no-url-call"),
        *("--pw-file", str(password), account),
    ]
    with subprocess.Popen(
        command,
        env={**_environ(directory), "OIDC_SOCK": str(socket)},
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
                assert uri is not None, said
                issuer.approve(uri[0], code[1], issuer.ca_file)
        assert process.wait(60) == 0, said


def _environ(directory: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(directory), "TMPDIR": str(directory)}
