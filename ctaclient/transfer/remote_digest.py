"""Size and checksum of a remote file, by HEAD at the door: never from an answer about something else (xrootd.md 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctaclient.storage.checksums import parse_digest_header
from ctaclient.transfer.checksum import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ctaclient.storage.entry import Entry
    from ctaclient.storage.path import RemotePath
    from ctaclient.storage.storage import Storage

WANT_DIGEST = {"Want-Digest": "adler32"}


@dataclass(frozen=True, slots=True)
class Head:
    """What HEAD says; None and empty where it does not."""

    size_bytes: int | None
    checksums: Mapping[str, str]
    etag: str | None


def head(storage: Storage, path: RemotePath) -> Head:
    """Ask, with `Want-Digest` where the server may know one. Raises NotFound and NetworkError kin."""
    if storage.capabilities.want_digest:
        with storage.requests.send("HEAD", storage.url(path), WANT_DIGEST) as answer:
            # XRootD without configured checksums answers 405 to the whole request (storage.md 2.3).
            if answer.status != 405:
                answer.raise_for_status(f"cannot look at {path}")
                return _head(answer.header)
    with storage.requests.send("HEAD", storage.url(path)) as answer:
        answer.raise_for_status(f"cannot look at {path}")
        return _head(answer.header)


def known_checksum(storage: Storage, entry: Entry) -> tuple[str, str] | None:
    """The cheapest (algorithm, hex) that the server has for a file: from its listing, else asked for; None without."""
    known = choose(entry.checksums)
    if known is None and storage.capabilities.want_digest:
        known = choose(head(storage, entry.path).checksums)
    return known


def _head(header: Callable[[str], str | None]) -> Head:
    length = header("Content-Length") or ""
    return Head(
        size_bytes=int(length) if length.isdecimal() else None,
        checksums=parse_digest_header(header("Digest")),
        etag=header("ETag"),
    )
