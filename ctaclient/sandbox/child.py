"""The life of a server process: serve until told to stop, or until the parent is gone."""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

from ctaclient.sandbox.config import Config
from ctaclient.sandbox.layout import Layout
from ctaclient.sandbox.serving.server import TlsServer

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient.sandbox.serving.exchange import Application

READY = b"ready\n"
_LOOK_S = 1.0


def serve(name: str, config_path: Path, fd: int, parent: int) -> None:
    """Run the server `name` on the listening socket `fd`.

    SIGTERM ends the process by default. When the parent dies, even by SIGKILL, standard input (a pipe whose other end
    only the parent holds) comes to its end; the parent's pid is watched as well, for parents that have forked.
    """
    config = Config.load(config_path)
    server = TlsServer(name, fd, Layout(config.directory), make_application(name, config))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.write(1, READY)
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], _LOOK_S)
        if readable and not os.read(0, 1):
            break
    os._exit(0)  # threads that still send must not keep the process


def make_application(name: str, config: Config) -> Application:
    """What stands behind the server; imported here, so that the pool needs no JWT library."""
    if name == "issuer":
        from ctaclient.sandbox.issuer.issuer import Issuer

        return Issuer(config)
    if name == "door":
        from ctaclient.sandbox.door.door import Door

        return Door(config)
    from ctaclient.sandbox.pool.pool import Pool

    return Pool(config)
