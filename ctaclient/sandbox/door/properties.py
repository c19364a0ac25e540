"""The properties the door knows, and their values as XML text (storage.md 3.2)."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING

from ctaclient.sandbox.door.reading import content_type
from ctaclient.sandbox.namespace.digest import ALGORITHMS
from ctaclient.sandbox.namespace.path import decode_name

if TYPE_CHECKING:
    from ctaclient.sandbox.door.visit import Backend
    from ctaclient.sandbox.namespace.path import Path
    from ctaclient.sandbox.namespace.tree import Node

DAV = "DAV:"
DCACHE = "http://www.dcache.org/2013/webdav"
SRM = "http://srm.lbl.gov/StorageResourceManager"

Name = tuple[str, str]  # namespace, local name

# What an empty body gets.
DEFAULT: tuple[Name, ...] = (
    (DAV, "creationdate"),
    (DAV, "getlastmodified"),
    (DAV, "displayname"),
    (DAV, "resourcetype"),
    (DAV, "getcontenttype"),
    (DAV, "getcontentlength"),
    (DAV, "getetag"),
)
ALL: tuple[Name, ...] = (
    *DEFAULT,
    (DAV, "iscollection"),
    (DCACHE, "Checksums"),
    (SRM, "FileLocality"),
    (SRM, "AccessLatency"),
    (SRM, "RetentionPolicy"),
)

# XML 1.0 has no form at all for these.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory in a listing; `being_written`: its upload is not complete."""

    path: Path
    node: Node
    being_written: bool


def property_value(backend: Backend, entry: Entry, name: Name) -> str | None:
    """The value as escaped XML, or None where the entry has no such property."""
    namespace, local = name
    if namespace == DAV:
        return _dav(entry, local)
    if name == (SRM, "FileLocality"):
        return "NONE" if entry.node.is_directory or entry.being_written else _locality(backend, entry)
    if entry.node.is_directory:
        return None
    if name == (DCACHE, "Checksums"):
        return _checksums(backend, entry)
    on_tape = _locality(backend, entry) != "ONLINE"
    if name == (SRM, "AccessLatency"):
        return "NEARLINE" if on_tape else "ONLINE"
    if name == (SRM, "RetentionPolicy"):
        return "CUSTODIAL" if on_tape else "REPLICA"
    return None


def _dav(entry: Entry, local: str) -> str | None:
    node = entry.node
    mtime_s = node.mtime_ns // 1_000_000_000
    match local:
        case "creationdate":
            return datetime.fromtimestamp(mtime_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case "getlastmodified":
            return formatdate(mtime_s, usegmt=True)
        case "displayname":
            return _display_name(entry.path)
        case "resourcetype":
            return "<d:collection/>" if node.is_directory else ""
        case "iscollection":
            return "TRUE" if node.is_directory else "FALSE"
        case "getetag":
            return html.escape(node.etag, quote=False)
        case "getcontenttype" if not node.is_directory:
            return html.escape(content_type(entry.path[-1]), quote=False)
        case "getcontentlength" if not node.is_directory and not entry.being_written:
            return str(node.size_bytes)
        case _:
            return None


def _display_name(path: Path) -> str | None:
    try:
        name = path[-1].decode() if path else ""
    except UnicodeDecodeError:
        return None
    if _NOT_XML.search(name):
        return None
    return html.escape(name, quote=False).replace("\r", "&#13;")


def _checksums(backend: Backend, entry: Entry) -> str | None:
    if not backend.options.digests or entry.being_written:
        return None
    try:
        with backend.tree.opened(entry.path) as fd:
            return ",".join(f"{algorithm}={backend.digests.value(fd, algorithm)}" for algorithm in ALGORITHMS)
    except OSError:  # gone meanwhile
        return None


def _locality(backend: Backend, entry: Entry) -> str:
    return backend.localities.of(decode_name(entry.path))
