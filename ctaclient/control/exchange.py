"""One message there and one back over a private Unix socket, with limits of size and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient._util.clock import SystemClock
from ctaclient.control.address import check_peer, new_socket, socket_address
from ctaclient.control.messages import MAX_BYTES
from ctaclient.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def exchange(
    path: Path, message: bytes, is_whole: Callable[[bytearray], bool], *, name: str, timeout_s: float, hint: str
) -> bytes | None:
    """What `name` at `path` answers, until it is whole, at its end, or too long; None when nobody listens there.

    Raises AgentError when somebody of another user listens, or nothing whole comes in `timeout_s`; `hint` goes with
    that.
    """
    clock = SystemClock()
    deadline = clock.monotonic() + timeout_s
    with new_socket() as connection:
        connection.settimeout(timeout_s)
        try:
            with socket_address(path) as address:
                connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return None
        except OSError as error:
            raise AgentError(f"the socket of {name} {path} cannot be reached: {error.strerror}") from None
        check_peer(connection)
        try:
            connection.sendall(message)
            answer = bytearray()
            while not is_whole(answer) and len(answer) <= MAX_BYTES and (part := connection.recv(MAX_BYTES)):
                answer += part
                connection.settimeout(max(deadline - clock.monotonic(), 0.001))  # for all of it, not for each part
        except OSError:
            raise AgentError(f"{name} did not answer within {timeout_s:.0f} s", hint=hint) from None
    return bytes(answer)
