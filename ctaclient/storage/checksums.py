"""Checksums in the spellings of the servers, made comparable: algorithm and hex in lower case (storage.md 2.1)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_BYTES = {"adler32": 4, "md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}
_NAMES = {"sha": "sha1", "sha-1": "sha1", "sha-256": "sha256", "sha-512": "sha512"}


def parse_digest_header(value: str | None) -> dict[str, str]:
    """`Digest` of RFC 3230 and dCache's `Checksums`: `adler32=090c1483,md5=egiwfoRkFwPl8sg2qlmhcA==`."""
    return _collect(part.split("=", 1) for part in (value or "").split(",") if "=" in part)


def _collect(pairs: Iterable[list[str]]) -> dict[str, str]:
    """Known algorithms with values that can be theirs; anything else is left out: no checksum beats a wrong one."""
    found = {}
    for name, value in pairs:
        algorithm = name.strip().lower()
        algorithm = _NAMES.get(algorithm, algorithm)
        if size := _BYTES.get(algorithm):
            digest = _decode(value.strip(), size)
            if digest is not None:
                found[algorithm] = digest.hex()
    return found


def _decode(value: str, size: int) -> bytes | None:
    # DPM and others send md5 in hex where base64 is the rule: the length tells them apart. Leading zeros of adler32 get
    # lost on some servers (davix DMC-1245).
    if size == 4 and re.fullmatch(r"[0-9a-fA-F]{1,8}", value):
        return bytes.fromhex(value.zfill(8))
    if re.fullmatch(r"[0-9a-fA-F]+", value) and len(value) == 2 * size:
        return bytes.fromhex(value)
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == size else None
