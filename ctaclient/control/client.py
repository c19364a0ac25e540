"""The client half: ask the agent of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctaclient.control.exchange import exchange
from ctaclient.control.messages import Request, decode_answer, encode_request
from ctaclient.control.whereabouts import sockets
from ctaclient.errors import AgentError, CtaError, ProtocolError

if TYPE_CHECKING:
    from pathlib import Path

# Long enough for one refresh at the agent's own limits to be noticed, short enough for a person.
TIMEOUT_S = 10.0


def ask(path: Path, request: Request, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any] | None:
    """The agent's answer, or None when no agent listens at `path`.

    Raises AgentError when one listens and does not answer in `timeout_s`, ProtocolError when it answers nonsense or no.
    """
    line = exchange(
        path,
        encode_request(request),
        lambda answer: answer.endswith(b"\n"),
        name="the agent",
        timeout_s=timeout_s,
        hint="ctaclient agent logs shows what it did",
    )
    if line is None:
        return None
    if not line:
        raise AgentError("the agent ended while it was asked", hint="ctaclient start-agent")
    return decode_answer(line)


def ask_here(
    runtime_socket: Path, store: Path, request: Request, *, timeout_s: float = TIMEOUT_S
) -> dict[str, Any] | None:
    """The answer of this machine's agent, wherever it listens (see `sockets`), or None when there is none.

    Raises as `ask` where one listens and none has answered.
    """
    trouble: CtaError | None = None
    for socket in sockets(runtime_socket, store):
        try:
            answer = ask(socket, request, timeout_s=timeout_s)
        except (AgentError, ProtocolError) as error:
            trouble = trouble or error
            continue
        if answer is not None:
            return answer
    if trouble is not None:
        raise trouble
    return None
