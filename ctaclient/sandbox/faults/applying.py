"""What a fault does: before the work, to the body that comes in, and to the answer."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctaclient.sandbox.serving.answer import Answer, Cut, Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.sandbox.faults.fault import Fault
    from ctaclient.sandbox.serving.body import RequestBody

_PORTAL = (
    b"<!DOCTYPE html><html><head><title>Welcome to Guest Wi-Fi</title></head><body>Please sign in.</body></html>\n"
)
_ADLER32 = re.compile(r"adler32=[0-9a-fA-F]{8}")
_MD5 = re.compile(r"md5=[A-Za-z0-9+/]{22}==")


def pre_empt(fault: Fault | None, body: RequestBody, sleep: Callable[[float], None]) -> Answer | None:
    """The answer that replaces the work, if the fault gives one. Raises Cut for `drop_before`."""
    if fault is None:
        return None
    if fault.action == "delay":
        sleep(fault.seconds)
    if fault.action == "drop_before":
        raise Cut
    if fault.action not in ("status", "raw_multistatus"):
        return None
    data = fault.body.encode(errors="surrogateescape")
    if fault.action == "raw_multistatus":
        return Answer(207, headers={"Content-Type": "application/xml; charset=utf-8", **fault.headers}, body=data)
    if fault.read_body:
        body.drain()
    return Answer(fault.status, fault.reason, headers=dict(fault.headers), body=data)


def cut_request_after(fault: Fault | None) -> int | None:
    """How many bytes of the request's body are read before the connection ends; None: all."""
    return fault.after_bytes if fault is not None and fault.action == "cut_request" else None


def lost_tail_bytes(fault: Fault | None) -> int:
    """How many bytes at the end are not stored."""
    return fault.after_bytes if fault is not None and fault.action == "short_store" else 0


def stores_corrupt(fault: Fault | None) -> bool:
    """Whether one byte is stored wrong."""
    return fault is not None and fault.action == "corrupt"


def forbids_redirect(fault: Fault | None) -> bool:
    """Whether this server is to serve the data itself."""
    return fault is not None and fault.action == "no_redirect"


def disturb(fault: Fault | None, answer: Answer, method: str) -> Answer:
    """The answer as it goes out in the end."""
    if fault is None:
        return answer
    match fault.action:
        case "drop_after":
            return replace(answer, delivery=Delivery(nothing=True))
        case "cut_response":
            return replace(answer, delivery=Delivery(cut_after=fault.after_bytes), close=True)
        case "stall":
            return replace(answer, delivery=Delivery(stall_after=fault.after_bytes, stall_s=fault.seconds))
        case "corrupt" if method == "GET":
            return replace(answer, delivery=Delivery(flip_first=True))
        case "location" if "Location" in answer.headers:
            return replace(answer, headers={**answer.headers, "Location": fault.location})
        case "wrong_digest":
            return _lie(answer)
        case "truncate_json" if isinstance(answer.body, bytes):
            return replace(answer, status=200, reason="", body=answer.body[: len(answer.body) // 2])
        case "html":
            return Answer(200, headers={"Content-Type": "text/html; charset=utf-8"}, body=_PORTAL)
        case _:
            return answer


def _lie(answer: Answer) -> Answer:
    headers = dict(answer.headers)
    if "Digest" in headers:
        headers["Digest"] = _falsify(headers["Digest"])
    body = answer.body
    if answer.status == 207 and isinstance(body, bytes):
        body = _falsify(body.decode()).encode()
    return replace(answer, headers=headers, body=body)


def _falsify(text: str) -> str:
    """Other digests of the same form and length."""
    text = _ADLER32.sub(lambda found: f"adler32={int(found[0][8:], 16) ^ 1:08x}", text)
    return _MD5.sub(lambda found: f"md5={'B' if found[0][4] == 'A' else 'A'}{found[0][5:]}", text)
