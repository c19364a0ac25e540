"""Asking oidc-agent: one JSON object there and one back, over the socket that `OIDC_SOCK` names (its IPC-API)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ctaclient.control.exchange import exchange
from ctaclient.control.messages import MAX_BYTES
from ctaclient.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# It may have to ask its issuer; version 4 waits for that without any limit (agent.md 8).
TIMEOUT_S = 10.0


def ask_oidc_agent(path: Path, request: Mapping[str, object], *, timeout_s: float = TIMEOUT_S) -> dict[str, Any] | None:
    """The answer of oidc-agent at `path`, unchecked but for its form; None when none listens there.

    Raises AgentError when it does not answer in `timeout_s`, ProtocolError when it answers something else than a JSON
    object of at most 64 KiB.
    """
    answer = exchange(
        path,
        json.dumps(request).encode(),  # no newline: it reads what has come, and tells JSON by its first byte
        _is_whole,
        name="oidc-agent",
        timeout_s=timeout_s,
        hint="does oidc-agent wait for a password somewhere, or for its issuer?",
    )
    if answer is None:
        return None
    try:
        document = json.loads(answer) if len(answer) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ProtocolError("oidc-agent's answer is not understood", hint="is OIDC_SOCK the socket of an oidc-agent?")
    return document


def _is_whole(answer: bytearray) -> bool:
    # It hangs up when it has answered; whoever forwards the socket may not.
    if not answer.rstrip().endswith(b"}"):
        return False
    try:
        json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return True
