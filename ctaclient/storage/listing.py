"""PROPFIND, always with an explicit Depth: 0 or 1.

Without one dCache walks three levels, Apache refuses, XRootD answers 0, Nextcloud 1 (storage.md 3.1). Recursion is
ours.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from ctaclient.errors import LOGIN_LOST, CtaError, NotFound, ProtocolError
from ctaclient.storage.entry import PROPERTIES, Entry, entry_of
from ctaclient.storage.href import segments_of
from ctaclient.storage.multistatus import parse_multistatus
from ctaclient.transport.status import error_for_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ctaclient.storage.path import RemotePath
    from ctaclient.storage.storage import Storage

_BODY = (
    '<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:"><D:prop>'
    + "".join(f'<P:{name} xmlns:P="{namespace}"/>' for namespace, name in PROPERTIES)
    + "</D:prop></D:propfind>"
).encode()


def stat(storage: Storage, path: RemotePath) -> Entry:
    """The entry at `path`. Raises NotFound, Forbidden, NetworkError kin."""
    entries = list(_propfind(storage, path, depth=0))  # to the end, so that the connection can be used again
    if not entries:
        raise ProtocolError(f"the server says nothing about {path}", hint="try again later")
    return entries[0]


def find(storage: Storage, path: RemotePath) -> Entry | None:
    """The entry at `path`, or None when there is none."""
    try:
        return stat(storage, path)
    except NotFound:
        return None


def scan(storage: Storage, path: RemotePath, *, is_dir: bool = False) -> Iterator[Entry]:
    """The entry at `path` itself and, if it is a directory, those in it, in the server's order, as they arrive.

    `is_dir` says that it is known to be one: Apache redirects a request for a directory without a final slash.

    Raises ProtocolError for an answer that does not even name `path`: an XRootD door without data servers answers so,
    and it is no empty directory (xrootd.md 14).
    """
    seen_self = False
    for entry in _propfind(storage, path, depth=1, is_dir=is_dir):
        seen_self |= entry.path == path
        yield entry
    if not seen_self:
        raise ProtocolError(f"the listing of {path} does not contain it: the server is in trouble", hint="try later")


def walk(storage: Storage, path: RemotePath, on_error: Callable[[RemotePath, CtaError], None]) -> Iterator[Entry]:
    """Everything below `path`, directories before what is in them.

    A directory that cannot be listed is told to `on_error` and the others go on; a refused login ends it all. Raises
    what `scan` raises for `path` itself. Each listing is read to its end before its entries are given: the caller may
    transfer files between two of them, and no server waits for that.
    """
    pending = [path]
    while pending:
        directory = pending.pop()
        try:
            entries = [entry for entry in scan(storage, directory, is_dir=True) if entry.path != directory]
        except LOGIN_LOST:
            raise
        except CtaError as error:
            if directory == path:
                raise
            on_error(directory, error)
            continue
        yield from entries
        pending += [entry.path for entry in reversed(entries) if entry.is_dir]


def _propfind(storage: Storage, path: RemotePath, *, depth: int, is_dir: bool = False) -> Iterator[Entry]:
    doing = f"cannot {'list' if depth else 'look at'} {path}"
    headers = {"Depth": str(depth), "Content-Type": "application/xml; charset=utf-8"}
    with storage.requests.send("PROPFIND", storage.url(path, directory=is_dir), headers, body=_BODY) as answer:
        if answer.status in (405, 501):
            raise ProtocolError(f"{doing}: the server knows no PROPFIND", hint="is the storage URL a WebDAV server?")
        answer.raise_for_status(doing)
        if answer.status != 207:
            raise ProtocolError(
                f"{doing}: the answer is {answer.status}, not a listing", hint="is the storage URL a WebDAV server?"
            )
        encoded = storage.capabilities.encoded_hrefs
        for resource in parse_multistatus(answer.blocks()):
            if resource.status == 404 and depth:
                continue  # it vanished while the server was listing
            if resource.status is not None and resource.status >= 400:
                raise error_for_status(resource.status, f"{doing}: {resource.status} for a part of it")
            yield entry_of(resource, _path_of(resource.href, encoded, storage, path, depth))


def _path_of(href: str, encoded: bool, storage: Storage, asked: RemotePath, depth: int) -> RemotePath:
    """The path that `href` names: `asked` itself or, with depth 1, something directly in it; else ProtocolError."""
    base = storage.base.segments
    segments = segments_of(href, encoded=encoded)
    whole = base + asked.segments
    if _same(segments, whole):
        return asked
    if depth == 1 and len(segments) == len(whole) + 1 and _same(segments[:-1], whole):
        return asked.child(segments[-1])
    raise ProtocolError(f"asked about {asked}, the server answers about something outside of it, which is refused")


def _same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two paths are the same; a server may have normalised what we sent, so NFC counts as equal."""
    return one == other or [_nfc(part) for part in one] == [_nfc(part) for part in other]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
