"""Unix socket addresses. A path in one is at most 107 bytes; a home directory may be longer."""

from __future__ import annotations

import contextlib
import os
import struct
import sys
from typing import TYPE_CHECKING

from ctaclient.errors import AgentError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from socket import socket

_MAX_PATH_BYTES = 107


@contextlib.contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """An address for `path` that is short enough; good inside the `with` block.

    Linux reaches a directory of any length through a descriptor of it. Elsewhere a long path is a ConfigError.
    """
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        yield str(path)
        return
    if not sys.platform.startswith("linux"):
        raise ConfigError(f"the path {path} is too long for a socket", hint="set CTACLIENT_HOME to a shorter path")
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)


def new_socket() -> socket:
    """A Unix stream socket."""
    # Not above: who only reads a token never speaks to the agent.
    from socket import AF_UNIX, SOCK_STREAM, socket

    return socket(AF_UNIX, SOCK_STREAM)


def check_peer(connection: socket) -> None:
    """Raise AgentError unless the other end runs as our user. File modes alone trust whoever made the directory."""
    from socket import SOL_SOCKET

    if sys.platform.startswith("linux"):
        from socket import SO_PEERCRED

        uid = struct.unpack("3i", connection.getsockopt(SOL_SOCKET, SO_PEERCRED, struct.calcsize("3i")))[1]
    else:  # macOS: struct xucred, LOCAL_PEERCRED = 1 at level 0
        uid = struct.unpack("2I", connection.getsockopt(0, 1, 8))[1]
    if uid != os.geteuid():
        raise AgentError(f"the other end of the agent's socket belongs to user {uid}")
