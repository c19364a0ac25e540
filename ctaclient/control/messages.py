"""The control protocol, version 1: one request a connection, one line of JSON each way, at most 64 KiB.

docs/agent-protocol.md describes it. No message holds a secret: a token is named by the file it is in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ctaclient._util.redact import printable
from ctaclient.errors import AgentError, CtaError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION = 1
_MAX_TTL_S = 1e9
MAX_BYTES = 64 * 1024
Operation = Literal["status", "stop", "reload", "refresh", "token"]
_OPERATIONS: tuple[Operation, ...] = get_args(Operation)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants from the agent."""

    op: Operation
    profile: str | None = None
    scope: str | None = None
    audience: str | None = None
    min_ttl_s: float = 0.0


def encode_request(request: Request) -> bytes:
    """The request as one line."""
    body: dict[str, Any] = {"v": VERSION, "op": request.op}
    for name in ("profile", "scope", "audience"):
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.min_ttl_s:
        body["min_ttl_s"] = request.min_ttl_s
    return _line(body)


def decode_request(line: bytes) -> Request:
    """The request in `line`. Raises ProtocolError for anything that is not one."""
    body = _object(line)
    asked = body.get("op")
    op = next((known for known in _OPERATIONS if known == asked), None)
    if op is None:
        raise ProtocolError(f"unknown operation {printable(str(asked), limit=40)!r}")
    texts = {name: body.get(name) for name in ("profile", "scope", "audience")}
    if wrong := next((name for name, text in texts.items() if not isinstance(text, str | None)), None):
        raise ProtocolError(f"{wrong!r} is a text")
    min_ttl_s = body.get("min_ttl_s", 0)
    if isinstance(min_ttl_s, bool) or not isinstance(min_ttl_s, int | float) or not 0 <= min_ttl_s < _MAX_TTL_S:
        raise ProtocolError("'min_ttl_s' is a number of seconds")
    return Request(op, **texts, min_ttl_s=float(min_ttl_s))


def encode_answer(**facts: Any) -> bytes:
    """An answer that says yes, with `facts`."""
    return _line({"v": VERSION, "ok": True, **facts})


def encode_refusal(error: CtaError) -> bytes:
    """An answer that says no."""
    return _line({"v": VERSION, "ok": False, **error.to_dict()})


def decode_answer(line: bytes) -> dict[str, Any]:
    """The facts of an answer.

    Raises the agent's own error when it said no, ProtocolError when it said nothing understandable.
    """
    body = _object(line)
    if body.get("ok") is False:
        raise read_error(body)
    if body.get("ok") is not True:
        raise ProtocolError("the answer is neither yes nor no")
    return body


def read_error(body: Mapping[str, Any]) -> CtaError:
    """What another process of ours put into words with `CtaError.to_dict`, as an error of the same kind."""
    kind = next((kind for kind in _kinds(CtaError) if kind.slug == body.get("error")), AgentError)
    hint = body.get("hint")
    return kind(printable(str(body.get("message"))), hint=printable(hint) if isinstance(hint, str) else None)


def _kinds(kind: type[CtaError]) -> Iterator[type[CtaError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


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
