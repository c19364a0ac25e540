"""Byte counts for people."""

from __future__ import annotations


def human_size(size_bytes: int) -> str:
    """`1.5M` and the like, at most five characters, powers of 1024 as `ls -h` prints them."""
    value = float(size_bytes)
    for unit in ("", "K", "M", "G", "T", "P"):
        if abs(value) < 1024:
            return f"{value:.0f}{unit}" if unit == "" or value >= 10 else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.0f}E"
