"""The sandbox as its user holds it: starts the three servers, knows their URLs, scripts and reads them."""

from __future__ import annotations

import secrets
import shutil
import time
from typing import TYPE_CHECKING, Any, Self

from ctaclient._util.private import ensure_private_dir, write_private
from ctaclient.errors import UsageError
from ctaclient.sandbox.certificate import Authority
from ctaclient.sandbox.config import Client, Config
from ctaclient.sandbox.faults.queue import FaultQueue
from ctaclient.sandbox.layout import SERVERS, Layout
from ctaclient.sandbox.namespace.locality import Localities
from ctaclient.sandbox.options import Options
from ctaclient.sandbox.process import bind, start_server, stop_servers, wait_until_ready
from ctaclient.sandbox.record import Record, read_records
from ctaclient.sandbox.signing import ANY_AUDIENCE, Signer, make_signing_key

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path
    from types import TracebackType

    from ctaclient.sandbox.faults.fault import Fault

_CLIENT_ID = "sandbox"
_CONFIDENTIAL_CLIENT_ID = "sandbox-confidential"
_NO_DEVICE_CLIENT_ID = "sandbox-no-device"


class Sandbox:
    """A local issuer, door and pool. URLs are `https://localhost:PORT`; `stop` leaves the files where they are.

    `client_id` is a public client; `confidential_client_id` has the secret in `client_secret_file`;
    `no_device_client_id` may not use the device flow. `storage_root` holds the stored files under their real names.
    """

    client_id = _CLIENT_ID
    confidential_client_id = _CONFIDENTIAL_CLIENT_ID
    no_device_client_id = _NO_DEVICE_CLIENT_ID

    def __init__(self, layout: Layout, options: Options) -> None:
        """For `start`: makes everything but the processes."""
        self._layout = layout
        self._processes: list[subprocess.Popen[bytes]] = []
        self._key = make_signing_key()
        _prepare(layout)
        listeners = {server: bind() for server in SERVERS}
        urls = {server: f"https://localhost:{listener.getsockname()[1]}" for server, listener in listeners.items()}
        self.issuer_url, self.storage_url, self.pool_url = urls["issuer"], urls["door"], urls["pool"]
        self._signer = Signer(self.issuer_url, self._key)
        self._faults = {server: FaultQueue(layout.faults(server)) for server in SERVERS}
        self._localities = Localities(layout.locality)
        try:
            self._write_files(urls, options)
            for server, listener in listeners.items():
                self._processes.append(start_server(server, layout, listener))
            for server, process in zip(SERVERS, self._processes, strict=True):
                wait_until_ready(process, server, layout.log(server))
        except BaseException:
            self.stop()
            raise
        finally:
            for listener in listeners.values():
                listener.close()

    @classmethod
    def start(cls, directory: Path, options: Options | None = None) -> Self:
        """Start the servers; they answer when this returns.

        `directory` is made if missing, and must be private. What an earlier sandbox stored there is served again,
        everything else is made anew. Raises UnsafePath, or CtaError when a server does not start.
        """
        ensure_private_dir(directory)
        return cls(Layout(directory.resolve()), options or Options())

    @property
    def ca_file(self) -> Path:
        return self._layout.ca_file

    @property
    def client_secret_file(self) -> Path:
        return self._layout.client_secret

    @property
    def storage_root(self) -> Path:
        return self._layout.storage

    def environment(self) -> dict[str, str]:
        """What points a ctaclient at this sandbox, and away from the user's own files."""
        return {"CTACLIENT_HOME": str(self._layout.home), "CTACLIENT_CA_BUNDLE": str(self.ca_file)}

    def mint(
        self,
        *,
        scope: str = "",
        lifetime_s: float = 3600,
        audience: str | list[str] | None = ANY_AUDIENCE,
        not_before: float | None = None,
        issued_at: float | None = None,
    ) -> str:
        """A signed access token without any login. Times in seconds since the epoch; None: now."""
        now = time.time()
        issued = now if issued_at is None else issued_at
        return self._signer.access_token(
            client_id=self.client_id,
            scope=scope,
            audience=audience,
            issued_at=issued,
            not_before=issued if not_before is None else not_before,
            lifetime_s=lifetime_s,
        )

    def records(self, server: str) -> list[Record]:
        """What `issuer`, `door` or `pool` has seen so far, in order."""
        return read_records(self._layout.records(_known(server)))

    def fault(self, server: str, fault: Fault) -> None:
        """Let something go wrong at the next request that matches."""
        self._faults[_known(server)].add(fault)

    def faults_waiting(self, server: str) -> list[Fault]:
        """Scripted faults that have not happened yet."""
        return self._faults[_known(server)].waiting()

    def clear_faults(self) -> None:
        """Forget those that have not happened yet."""
        for queue in self._faults.values():
            queue.clear()

    def set_locality(self, path: str, locality: str) -> None:
        """Say where a file's bytes are (`NEARLINE` …). `path` is its name from `/`, not encoded."""
        self._localities.put(path, locality)

    def stop(self) -> None:
        """End the servers. May be called again."""
        processes, self._processes = self._processes, []
        stop_servers(processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _write_files(self, urls: dict[str, str], options: Options) -> None:
        layout = self._layout
        authority = Authority()
        write_private(layout.ca_file, authority.pem)
        secret = secrets.token_urlsafe(32)
        write_private(layout.client_secret, secret.encode() + b"\n")
        clients = (
            Client(_CLIENT_ID),
            Client(_CONFIDENTIAL_CLIENT_ID, secret),
            Client(_NO_DEVICE_CLIENT_ID, device_flow=False),
        )
        jwks: dict[str, Any] = {"keys": [self._key.as_dict(private=False)]}
        for server in SERVERS:
            certificate, key = authority.issue(server)
            write_private(layout.certificate(server), certificate)
            write_private(layout.key(server), key)
            config = Config(layout.directory, urls, options, jwks)
            if server == "issuer":
                config = Config(layout.directory, urls, options, jwks, dict(self._key.as_dict(private=True)), clients)
            config.save(layout.config(server))


def _prepare(layout: Layout) -> None:
    if layout.state.exists():
        shutil.rmtree(layout.state)
    for wanted in (layout.storage, layout.home, layout.transfers):
        ensure_private_dir(wanted)


def _known(server: str) -> str:
    if server not in SERVERS:
        raise UsageError(f"no such server: {server}", hint=f"one of {', '.join(SERVERS)}")
    return server
