"""GET and HEAD at the door."""

from __future__ import annotations

import html
import mimetypes
import os
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from ctaclient.sandbox.door.redirect import redirect_to_pool
from ctaclient.sandbox.door.rights import Activity
from ctaclient.sandbox.faults.applying import forbids_redirect
from ctaclient.sandbox.namespace.path import decode_name, encode_path
from ctaclient.sandbox.namespace.ranges import choose_span
from ctaclient.sandbox.namespace.transfer import Transfer
from ctaclient.sandbox.namespace.tree import node_of
from ctaclient.sandbox.serving.answer import Answer, FileSlice, Refusal

if TYPE_CHECKING:
    from ctaclient.sandbox.door.visit import Backend, Visit
    from ctaclient.sandbox.namespace.tree import Node

_LOOK_S = 0.1


def get(backend: Backend, visit: Visit) -> Answer:
    """A file: 302 to the pool, or the bytes where redirection is off. A directory: a page of links."""
    node = backend.tree.look(visit.path)
    if node.is_directory:
        return _list(backend, visit)
    visit.rights.demand(Activity.DOWNLOAD, visit.path)
    _wait_for_recall(backend, visit)
    if backend.options.redirect_on_read and not forbids_redirect(visit.exchange.fault):
        transfer = Transfer("get", encode_path(visit.path), node.inode, node.mtime_ns)
        return Answer(302, headers={"Location": redirect_to_pool(backend, transfer)})
    return _send(backend, visit)


def head(backend: Backend, visit: Visit) -> Answer:
    """Never redirected, and never 206 (storage.md 1.3)."""
    visit.rights.demand(Activity.METADATA, visit.path)
    node = backend.tree.look(visit.path)
    if node.is_directory:
        return Answer(200, headers={"Content-Type": "text/html; charset=utf-8"}, length=0)
    wanted = visit.exchange.header("Want-Digest") if backend.options.digests else None
    headers = _file_headers(visit, node)
    if wanted is not None:
        with backend.tree.opened(visit.path) as fd:
            headers |= backend.digests.digest_header(fd, wanted)
    return Answer(200, headers=headers, length=node.size_bytes)


def _send(backend: Backend, visit: Visit) -> Answer:
    wanted = visit.exchange.header("Want-Digest") if backend.options.digests else None
    fd = backend.tree.open(visit.path)
    node = node_of(fd)
    forgiving = visit.exchange.header("If-Range") is not None
    try:
        span = choose_span(visit.exchange.header("Range"), node.size_bytes, forgiving=forgiving)
        headers = _file_headers(visit, node) | backend.digests.digest_header(fd, wanted)
    except BaseException:
        os.close(fd)
        raise
    if span is None:
        return Answer(200, headers=headers, body=FileSlice(fd, 0, node.size_bytes))
    headers["Content-Range"] = span.content_range(node.size_bytes)
    return Answer(206, headers=headers, body=FileSlice(fd, span.start, span.end - span.start))


def _list(backend: Backend, visit: Visit) -> Answer:
    if not visit.exchange.path.endswith("/"):
        return Answer(302, headers={"Location": backend.door_url + encode_path(visit.path, directory=True)})
    visit.rights.demand(Activity.LIST, visit.path)
    rows = []
    for name, node in sorted(backend.tree.children(visit.path), key=lambda child: child[0]):
        href = encode_path((*visit.path, name), directory=node.is_directory)
        shown = html.escape(name.decode(errors="replace"))
        rows.append(f'<li><a href="{html.escape(href)}">{shown}</a></li>')
    title = html.escape(decode_name(visit.path).encode(errors="surrogateescape").decode(errors="replace"))
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><ul>{''.join(rows)}</ul></body></html>\n"
    return Answer(200, headers={"Content-Type": "text/html; charset=utf-8"}, body=page.encode())


def _wait_for_recall(backend: Backend, visit: Visit) -> None:
    """A file on tape only: the request hangs until it is there, if the user may stage at all (storage.md 1.2)."""
    name = decode_name(visit.path)
    locality = backend.localities.of(name)
    if locality in ("LOST", "UNAVAILABLE"):
        raise Refusal(500, "File is unavailable")
    if locality != "NEARLINE":
        return
    visit.rights.demand(Activity.STAGE, visit.path)
    deadline = time.monotonic() + backend.options.recall_timeout_s
    while backend.localities.of(name) == "NEARLINE":
        if time.monotonic() > deadline:
            raise Refusal(500, "Request timed out")
        time.sleep(_LOOK_S)


def _file_headers(visit: Visit, node: Node) -> dict[str, str]:
    return {
        "ETag": node.etag,
        "Last-Modified": formatdate(node.mtime_ns // 1_000_000_000, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Type": content_type(visit.path[-1]),
    }


def content_type(name: bytes) -> str:
    """By the name's ending."""
    return mimetypes.guess_type(name.decode(errors="replace"))[0] or "application/octet-stream"
