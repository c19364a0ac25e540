"""Names on the wire and in the tree: tuples of raw bytes, never text that could be normalised."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from ctaclient.sandbox.serving.answer import Refusal

Path = tuple[bytes, ...]

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# dCache encodes everything else, `~ ( ) ! ' , + @ :` too (storage.md 3.2).
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.*")


def decode_path(raw: str) -> Path:
    """The segments of a request path. Raises Refusal 400 for what could lead astray."""
    if not raw.startswith("/") or "#" in raw or _BAD_ESCAPE.search(raw):
        raise Refusal(400, "Bad URI")
    segments = raw[1:].encode("latin-1").split(b"/")
    if segments[-1] == b"":  # a trailing slash, or the root
        segments.pop()
    return tuple(_decode_segment(segment) for segment in segments)


def encode_path(path: Path, *, directory: bool = False) -> str:
    """The href of an entry, encoded as dCache does."""
    text = "/" + "/".join("".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in segment) for segment in path)
    return text + "/" if directory and path else text


def decode_name(path: Path) -> str:
    """The path as text; bytes that are no UTF-8 become lone surrogates."""
    return "/" + b"/".join(path).decode(errors="surrogateescape")


def starts_with(path: Path, prefix: Path) -> bool:
    """Whether `path` is `prefix` or lies below it, by whole segments."""
    return path[: len(prefix)] == prefix


def _decode_segment(segment: bytes) -> bytes:
    decoded = unquote_to_bytes(segment)
    if decoded in (b"", b".", b"..") or b"/" in decoded or b"\0" in decoded:
        raise Refusal(400, "Bad path segment")
    return decoded
