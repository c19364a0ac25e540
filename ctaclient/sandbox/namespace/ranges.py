"""Byte ranges by the rules of a dCache pool (storage.md 1.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctaclient.sandbox.serving.answer import Refusal

_SPEC = re.compile(r"(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end` (exclusive) of a file."""

    start: int
    end: int

    def content_range(self, size_bytes: int) -> str:
        return f"bytes {self.start}-{self.end - 1}/{size_bytes}"


def choose_span(header: str | None, size_bytes: int, *, forgiving: bool = False) -> Span | None:
    """The one span to send; None: the whole file, also when several ranges remain.

    Bad ranges are dropped, the upper bound is clamped; nothing left is 416, another unit or syntax 400 (Refusal).
    `forgiving` is If-Range, which a pool does not compare: it only suppresses these errors.
    """
    if header is None:
        return None
    try:
        spans = _valid_spans(header, size_bytes)
    except Refusal:
        if forgiving:
            return None
        raise
    return spans[0] if len(spans) == 1 else None


def _valid_spans(header: str, size_bytes: int) -> list[Span]:
    unit, _, specs = header.partition("=")
    matches = [_SPEC.fullmatch(spec.strip()) for spec in specs.split(",")]
    if unit.strip() != "bytes" or not all(match and match[0] != "-" for match in matches):
        raise Refusal(400, "Malformed range")
    spans = []
    for match in matches:
        assert match is not None
        span = _span(match[1], match[2], size_bytes)
        if span is not None:
            spans.append(span)
    if not spans:
        raise Refusal(416, headers={"Content-Range": f"bytes */{size_bytes}"})
    return spans


def _span(first: str, last: str, size_bytes: int) -> Span | None:
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start, end = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
    return Span(start, end) if start < end else None
