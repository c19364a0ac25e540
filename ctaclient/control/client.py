"""The client half: ask the agent of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctaclient._util.clock import SystemClock
from ctaclient.control.address import check_peer, new_socket, socket_address
from ctaclient.control.messages import MAX_BYTES, Request, decode_answer, encode_request
from ctaclient.errors import AgentError

if TYPE_CHECKING:
    from pathlib import Path

# Long enough for one refresh at the agent's own limits to be noticed, short enough for a person.
TIMEOUT_S = 10.0


def ask(path: Path, request: Request, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any] | None:
    """The agent's answer, or None when no agent listens at `path`.

    Raises AgentError when one listens and does not answer in `timeout_s`, ProtocolError when it answers nonsense or no.
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
            raise AgentError(f"the agent's socket {path} cannot be reached: {error.strerror}") from None
        check_peer(connection)
        try:
            connection.sendall(encode_request(request))
            line = bytearray()
            while not line.endswith(b"\n") and len(line) <= MAX_BYTES and (part := connection.recv(MAX_BYTES)):
                line += part
                connection.settimeout(max(deadline - clock.monotonic(), 0.001))  # for all of it, not for each part
        except OSError:
            raise AgentError(
                f"the agent did not answer within {timeout_s:.0f} s", hint="ctaclient agent status shows what it does"
            ) from None
    if not line:
        raise AgentError("the agent ended while it was asked", hint="ctaclient start-agent")
    return decode_answer(bytes(line))
