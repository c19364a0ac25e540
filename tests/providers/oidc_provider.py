"""npm's oidc-provider, a certified OpenID provider, over TLS on loopback, with a configuration of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctaclient.sandbox.certificate import Authority
from ctaclient.sandbox.signing import ANY_AUDIENCE
from ctaclient_agent.login.registration import REDIRECT_URI
from tests.providers import person
from tests.providers.issuer import Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent
MODULES = _HERE.parents[1] / ".servers"
INSTALL = "npm install --prefix .servers --no-save --no-audit --no-fund oidc-provider@9"

LONG_S, SHORT_S, FLEETING_S, HURRY_S = 300, 4, 2, 3
SCOPE = "storage.read:/ storage.modify:/"
_START_S = 60.0
_STOP_S = 20.0


def is_installed() -> bool:
    """Whether there is anything to start."""
    return shutil.which("node") is not None and (MODULES / "node_modules/oidc-provider").is_dir()


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """A running provider. Its clients share one secret; each has a life of access tokens and a polling interval."""

    url: str
    ca_file: Path
    client_secret_file: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def shift_clock(self, seconds: float) -> None:
        """Have the clock that it dates its tokens by wrong by this much from now on."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n".encode())
        self.process.stdin.flush()
        assert json.loads(_read_line(self.process)) == {"clockShiftS": seconds}

    def issuer(self, kind: str) -> Issuer:
        """The provider as the clients of `kind` see it.

        These are `quick`, `brisk` and `fleeting` (tokens of `SHORT_S` and `FLEETING_S`), `hurried` (device codes of
        `HURRY_S`) and `forging`.
        """
        return Issuer(
            name="oidc-provider",
            url=self.url,
            ca_file=self.ca_file,
            client_id=kind,
            confidential_client_id=f"{kind}-confidential",
            client_secret_file=self.client_secret_file,
            refused_scope="email",
            subject=person.NAME,
            approve=person.approve,
            allow=person.allow,
        )


@contextlib.contextmanager
def running_provider(directory: Path, *, issuer: str | None = None) -> Iterator[OidcProvider]:
    """The provider until the end of the block; `issuer` is its name where that is not the address it listens at.

    Raises AssertionError with its log when it does not come up.
    """
    secret = f"{secrets.token_urlsafe(24)}:+ %41/"  # nothing comes through that is not form-encoded (RFC 6749 2.3.1)
    files = _write_files(directory, secret, issuer)
    log = directory / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            ["node", _HERE / "provider.mjs", files["config"]],
            stdin=subprocess.PIPE,  # when we end, however that comes, so does it
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={"PATH": os.environ.get("PATH", "")},
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = _read_line(process)
        assert line, f"oidc-provider does not start:\n{log.read_text()}"
        yield OidcProvider(f"https://localhost:{json.loads(line)['port']}", files["ca"], files["secret"], process)
    finally:
        process.stdin.close()
        try:
            process.wait(_STOP_S)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _read_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], _START_S)
    return process.stdout.readline() if readable else b""


def _write_files(directory: Path, secret: str, issuer: str | None) -> dict[str, Path]:
    files = {name: directory / name for name in ("ca", "certificate", "key", "secret", "config")}
    authority = Authority()
    certificate, key = authority.issue("oidc-provider")
    config = {
        "modules": str(MODULES),
        "certificate": str(files["certificate"]),
        "key": str(files["key"]),
        "issuer": issuer,
        "resource": ANY_AUDIENCE,
        "scope": SCOPE,
        "redirect": REDIRECT_URI,
        "registered": {"lifetimeS": LONG_S, "intervalS": 1},
        "clients": _clients(secret),
    }
    contents = (authority.pem, certificate, key, secret.encode() + b"\n", json.dumps(config).encode())
    for path, content in zip(files.values(), contents, strict=True):
        path.touch(mode=0o600)
        path.write_bytes(content)
    return files


def _clients(secret: str) -> list[dict[str, Any]]:
    quick = {"scope": "openid offline_access", "lifetimeS": LONG_S, "intervalS": 1}
    brisk = {**quick, "lifetimeS": SHORT_S}
    return [
        {"id": "as-shipped", "scope": quick["scope"], "lifetimeS": LONG_S},
        {"id": "quick", **quick},
        {"id": "quick-confidential", "secret": secret, **quick},
        {"id": "brisk", **brisk},
        {"id": "brisk-confidential", "secret": secret, **brisk},
        {"id": "fleeting", **quick, "lifetimeS": FLEETING_S},
        {"id": "hurried", "codeLifeS": HURRY_S, **quick},
        {"id": "forging", "forgesIdTokens": True, **quick},
    ]
