"""A real Apache httpd with mod_dav over TLS on loopback, with a configuration of its own and in no one's way."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.sandbox.certificate import Authority
from tests.conftest import eventually
from tests.servers.storage_server import Seen, StorageServer

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARY = Path("/usr/sbin/apache2")
MODULES = Path("/usr/lib/apache2/modules")
INSTALL = "apt-get install --no-install-recommends apache2-bin"

_ATTEMPTS = 5
_USER = "www-data"  # what Apache becomes when it is started by root

# mod_dir redirects a directory's name without a slash, as in Debian's own configuration; were it to look for index.html
# too, PROPFIND of a directory with one would be 405. mod_headers sets a cookie that no client may bring back.
# DavDepthInfinity stays off, as it is shipped.
_CONFIG = """\
ServerRoot "{base}"
ServerName localhost
PidFile "{base}/apache.pid"
Mutex "file:{base}/lock" default
Listen 127.0.0.1:{port}
{identity}
LoadModule mpm_event_module "{modules}/mod_mpm_event.so"
LoadModule authz_core_module "{modules}/mod_authz_core.so"
LoadModule dav_module "{modules}/mod_dav.so"
LoadModule dav_fs_module "{modules}/mod_dav_fs.so"
LoadModule dir_module "{modules}/mod_dir.so"
LoadModule headers_module "{modules}/mod_headers.so"
LoadModule ssl_module "{modules}/mod_ssl.so"
StartServers 1
ServerLimit 2
ThreadsPerChild 16
MinSpareThreads 4
MaxSpareThreads 32
MaxRequestWorkers 32
ErrorLog "{base}/error.log"
LogFormat "%m\\t%>s\\t%{{Accept-Encoding}}i\\t%{{Cookie}}i\\t%{{Depth}}i\\t%{{Overwrite}}i" seen
CustomLog "{base}/seen.log" seen
SSLEngine on
SSLCertificateFile "{base}/server.crt"
SSLCertificateKeyFile "{base}/server.key"
SSLSessionCache none
DavLockDB "{base}/lock/locks"
DocumentRoot "{base}/files"
Header always set Set-Cookie "apache=1; Secure"
<Directory "{base}/files">
    Dav On
    AllowOverride None
    DirectoryIndex disabled
    Require expr "%{{HTTP:Authorization}} == 'Bearer {token}'"
</Directory>
"""


@contextlib.contextmanager
def running_apache() -> Iterator[StorageServer]:
    """Apache until the end of the block. Raises AssertionError with its log when it does not come up."""
    # Not below pytest's directories: their mode is 0700, and as root Apache's children are another user.
    base = Path(tempfile.mkdtemp(prefix="ctaclient-apache-"))
    try:
        base.chmod(0o755)
        _prepare(base)
        token = secrets.token_urlsafe(24)
        process, port = _start(base, token)
        try:
            yield StorageServer(
                name="apache",
                url=f"https://localhost:{port}",
                ca_file=base / "ca.pem",
                token=token,
                root=base / "files",
                notes=lambda: [_read_log(base / "seen.log")],
            )
        finally:
            _end(process)
    finally:
        shutil.rmtree(base)


def _prepare(base: Path) -> None:
    authority = Authority()
    certificate, key = authority.issue("apache")
    for name, data in (("ca.pem", authority.pem), ("server.crt", certificate), ("server.key", key)):
        (base / name).write_bytes(data)
    (base / "server.key").chmod(0o600)  # read before Apache changes its user
    for name in ("files", "lock"):
        (base / name).mkdir(mode=0o755)
        if os.geteuid() == 0:
            shutil.chown(base / name, _USER, _USER)


def _start(base: Path, token: str) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(_ATTEMPTS):
        port = _free_port()
        config = base / "apache.conf"
        config.touch(mode=0o600)
        identity = f"User {_USER}\nGroup {_USER}" if os.geteuid() == 0 else ""
        config.write_text(_CONFIG.format(base=base, port=port, identity=identity, modules=MODULES, token=token))
        process = subprocess.Popen(
            [BINARY, "-f", config, "-DFOREGROUND"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(lambda process=process, port=port: process.poll() is not None or _listens(port))  # type: ignore[misc]
        if process.poll() is None:
            return process, port
        # Somebody took the port between our look and Apache's bind: another one, then.
    raise AssertionError(f"Apache does not start:\n{(base / 'error.log').read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def _read_log(path: Path) -> list[Seen]:
    return [_seen(line.split("\t")) for line in path.read_text().splitlines()]


def _seen(fields: list[str]) -> Seen:
    method, status, *headers = fields
    return Seen(method, int(status), *(None if value == "-" else value for value in headers))
