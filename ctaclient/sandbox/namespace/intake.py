"""Storing the body of a PUT: the same code at the pool and at a door that proxies."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import TYPE_CHECKING

from ctaclient.sandbox.faults.applying import lost_tail_bytes, stores_corrupt
from ctaclient.sandbox.serving.answer import Refusal
from ctaclient.sandbox.serving.body import BLOCK_BYTES

if TYPE_CHECKING:
    from ctaclient.sandbox.serving.exchange import Exchange


def store_body(exchange: Exchange, fd: int) -> int:
    """Write the body into `fd`, and return how many bytes are stored.

    Raises Cut when the client goes away (what came is stored), Refusal 400 when `Content-MD5` does not fit.
    """
    body, fault = exchange.body, exchange.fault
    expected = exchange.header("Content-MD5")
    md5 = hashlib.md5(usedforsecurity=False) if expected is not None else None
    buffer = memoryview(bytearray(BLOCK_BYTES))
    position = 0
    while size := body.read_into(buffer):
        block = buffer[:size]
        if md5 is not None:
            md5.update(block)
        if position == 0 and stores_corrupt(fault):
            block[0] ^= 1
        _write_all(fd, block, position)
        position += size
    if md5 is not None and md5.digest() != _decode(expected or ""):
        raise Refusal(400, "Checksum mismatch", close=True)
    stored = max(0, position - lost_tail_bytes(fault))
    if stored < position:
        os.ftruncate(fd, stored)
    return stored


def parse_mtime(header: str | None) -> int | None:
    """X-OC-Mtime: whole seconds; anything else is silently ignored (storage.md 1.10)."""
    return int(header) if header is not None and header.isascii() and header.isdigit() and len(header) < 12 else None


def apply_mtime(fd: int, seconds: int | None) -> dict[str, str]:
    """Set the modification time; returns the header that says so."""
    if seconds is None:
        return {}
    os.utime(fd, (seconds, seconds))
    return {"X-OC-MTime": "accepted"}


def _write_all(fd: int, block: memoryview, position: int) -> None:
    while block:
        size = os.pwrite(fd, block, position)
        block, position = block[size:], position + size


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
