"""The control protocol, version 1: one request a connection, one line of JSON each way, at most 64 KiB.

Requests: `status`, `stop`, `reload` (the store was changed by a new login), `refresh` (with `profile`: get a new access
token now; the answer comes when that was tried). Answers: `{"v": 1, "ok": true, …}` or `{"v": 1, "ok": false,
"error": text}`. No message holds a secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ctaclient._util.redact import printable
from ctaclient.errors import ProtocolError

VERSION = 1
MAX_BYTES = 64 * 1024
Operation = Literal["status", "stop", "reload", "refresh"]
_OPERATIONS: tuple[Operation, ...] = get_args(Operation)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants from the agent."""

    op: Operation
    profile: str | None = None


def encode_request(request: Request) -> bytes:
    """The request as one line."""
    body: dict[str, Any] = {"v": VERSION, "op": request.op}
    if request.profile is not None:
        body["profile"] = request.profile
    return _line(body)


def decode_request(line: bytes) -> Request:
    """The request in `line`. Raises ProtocolError for anything that is not one."""
    body = _object(line)
    asked, profile = body.get("op"), body.get("profile")
    op = next((known for known in _OPERATIONS if known == asked), None)
    if op is None:
        raise ProtocolError(f"unknown operation {printable(str(asked), limit=40)!r}")
    if not isinstance(profile, str | None):
        raise ProtocolError("'profile' is a name")
    return Request(op, profile)


def encode_answer(**facts: Any) -> bytes:
    """An answer that says yes, with `facts`."""
    return _line({"v": VERSION, "ok": True, **facts})


def encode_refusal(reason: str) -> bytes:
    """An answer that says no."""
    return _line({"v": VERSION, "ok": False, "error": reason})


def decode_answer(line: bytes) -> dict[str, Any]:
    """The facts of an answer. Raises ProtocolError when the agent said no, or nothing understandable."""
    body = _object(line)
    if body.get("ok") is not True:
        raise ProtocolError(f"the agent says: {printable(str(body.get('error')))}")
    return body


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_BYTES:
        raise ProtocolError("message too long")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        raise ProtocolError("message is not JSON") from None
    if not isinstance(body, dict):
        raise ProtocolError("message is not an object")
    if body.get("v") != VERSION:
        raise ProtocolError(
            f"protocol version {printable(str(body.get('v')), limit=20)}, this side speaks {VERSION}",
            hint="restart the agent: ctaclient stop-agent; ctaclient start-agent",
        )
    return body


def _line(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode() + b"\n"
