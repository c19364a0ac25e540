"""A real XRootD server on loopback that wants a token by its own protocol (ztn): over TLS, validated by SciTokens."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from ctaclient.sandbox.certificate import Authority
from ctaclient.sandbox.signing import ANY_AUDIENCE
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctaclient.sandbox import Sandbox

PROGRAMS = ("xrootd", "xrdcp", "openssl")
PACKAGES = "xrootd-client xrootd-server xrootd-scitokens-plugins openssl"
_USER = "nobody"  # XRootD does not run as root
_READY = re.compile(r"xrootd \S+:(\d+) initialization (completed|failed)")

_CONFIG = """\
xrd.port any
all.export /
all.adminpath {base}/admin
all.pidpath {base}/admin
oss.localroot {base}/files
xrd.tls {base}/server.crt {base}/server.key
xrd.tlsca certfile {base}/ca.pem
xrootd.tls capable all
xrootd.seclib libXrdSec.so
sec.protocol ztn
sec.protbind * only ztn
ofs.authorize 1
ofs.authlib libXrdAccSciTokens.so config={base}/scitokens.cfg
"""
_SCITOKENS = """\
[Global]
audience = {audience}
[Issuer sandbox]
issuer = {issuer}
base_path = /
"""


@dataclass(frozen=True, slots=True)
class Xrootd:
    """A running server: `HOST:PORT`, the directory that it serves, the CAs for its clients (X509_CERT_DIR)."""

    address: str
    files: Path
    ca_directory: Path


@contextlib.contextmanager
def running_xrootd(sandbox: Sandbox) -> Iterator[Xrootd]:
    """The server until the end of the block; it trusts the sandbox's issuer. AssertionError with its log otherwise."""
    # Not below pytest's directories: their mode is 0700, and root's XRootD is another user.
    base = Path(tempfile.mkdtemp(prefix="ctaclient-xrootd-"))
    log = base / "admin" / "x" / "log"
    try:
        ca_directory = _write_files(base, sandbox)
        with (base / "output").open("wb") as output:
            # -s: without it a file about the server goes to /tmp
            places = ("-c", base / "config", "-l", base / "admin/log", "-s", base / "admin/pid")
            process = subprocess.Popen(
                ["xrootd", "-n", "x", *places, *_identity()],
                cwd=base,
                env={"PATH": os.environ.get("PATH", ""), "XDG_CACHE_HOME": str(base / "cache")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            eventually(lambda: process.poll() is not None or (log.exists() and _READY.search(log.read_text())))
            said = log.read_text() if log.exists() else (base / "output").read_text()
            found = _READY.search(said)
            assert found is not None, said
            assert found[2] == "completed", said
            yield Xrootd(f"localhost:{found[1]}", base / "files", ca_directory)
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(base)


def _identity() -> list[str]:
    return ["-R", _USER] if os.geteuid() == 0 else []


def _write_files(base: Path, sandbox: Sandbox) -> Path:
    base.chmod(0o755)
    for name in ("admin", "files", "cas", "cache/scitokens"):
        (base / name).mkdir(parents=True)
    authority = Authority()
    certificate, key = authority.issue("xrootd")
    for name, content in (("ca.pem", authority.pem), ("server.crt", certificate), ("server.key", key)):
        (base / name).touch(mode=0o600)
        (base / name).write_bytes(content)
    (base / "config").write_text(_CONFIG.format(base=base))
    (base / "scitokens.cfg").write_text(_SCITOKENS.format(audience=ANY_AUDIENCE, issuer=sandbox.issuer_url))
    _store_keys(base / "cache" / "scitokens" / "scitokens_cpp.sqllite", sandbox)
    # XRootD's client looks CAs up by the hash of their name.
    asked = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", base / "ca.pem"], check=True, capture_output=True, text=True
    )
    shutil.copy(base / "ca.pem", base / "cas" / f"{asked.stdout.strip()}.0")
    if os.geteuid() == 0:
        for path in (base, *base.rglob("*")):
            shutil.chown(path, _USER)
    return base / "cas"


def _store_keys(file: Path, sandbox: Sandbox) -> None:
    """The issuer's keys, where SciTokens keeps them for a day: it trusts the system's CAs only when it asks itself."""
    metadata = _ask(f"{sandbox.issuer_url}/.well-known/openid-configuration", sandbox.ca_file)
    tomorrow = int(time.time()) + 86_400
    keys = {"expires": tomorrow, "next_update": tomorrow, "jwks": _ask(metadata["jwks_uri"], sandbox.ca_file)}
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE keycache (issuer TEXT UNIQUE PRIMARY KEY NOT NULL, keys TEXT NOT NULL)")
        database.execute("INSERT INTO keycache VALUES (?, ?)", (sandbox.issuer_url, json.dumps(keys)))


def _ask(url: str, ca_file: Path) -> Any:
    context = ssl.create_default_context(cafile=str(ca_file))
    with build_opener(ProxyHandler({}), HTTPSHandler(context=context)).open(url, timeout=20) as answer:
        return json.loads(answer.read())
