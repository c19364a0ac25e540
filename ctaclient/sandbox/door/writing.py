"""PUT at the door: a 307 for those who wait, a proxied upload for all others (storage.md 1.5, 1.7, 1.8)."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ctaclient.sandbox.door.redirect import redirect_to_pool
from ctaclient.sandbox.door.rights import Activity
from ctaclient.sandbox.faults.applying import forbids_redirect
from ctaclient.sandbox.namespace.intake import apply_mtime, parse_mtime, store_body
from ctaclient.sandbox.namespace.path import encode_path
from ctaclient.sandbox.namespace.transfer import Transfer
from ctaclient.sandbox.namespace.tree import node_of
from ctaclient.sandbox.serving.answer import Answer, Refusal

if TYPE_CHECKING:
    from ctaclient.sandbox.door.visit import Backend, Visit
    from ctaclient.sandbox.namespace.path import Path
    from ctaclient.sandbox.namespace.tree import Node


def put(backend: Backend, visit: Visit) -> Answer:
    """The entry is made anew before the first byte comes, whoever stores it."""
    visit.rights.demand(Activity.UPLOAD, visit.path)
    target = backend.tree.find(visit.path)
    _check_target(backend, visit, target)
    _make_parents(backend, visit, visit.path[:-1])
    if _may_redirect(backend, visit):
        return _redirect(backend, visit)
    return _store(backend, visit)


def _check_target(backend: Backend, visit: Visit, target: Node | None) -> None:
    if target is not None and target.is_directory:
        raise Refusal(405, "Exists as collection")
    _check_conditions(visit, target)
    if target is not None:
        if not backend.options.overwrite_enabled:
            raise Refusal(409, "Overwrite is not enabled")
        visit.rights.demand(Activity.DELETE, visit.path)


def _check_conditions(visit: Visit, target: Node | None) -> None:
    none_match = visit.exchange.header("If-None-Match")
    if none_match is not None and target is not None and _names(none_match, target):
        raise Refusal(412)
    match = visit.exchange.header("If-Match")
    if match is not None and (target is None or not _names(match, target)):
        raise Refusal(412)


def _names(header: str, target: Node) -> bool:
    return header.strip() == "*" or target.etag in [tag.strip() for tag in header.split(",")]


def _make_parents(backend: Backend, visit: Visit, directory: Path) -> None:
    node = backend.tree.find(directory)
    if node is not None:
        if not node.is_directory:
            raise Refusal(409, "Parent is not a directory")
        return
    if not backend.options.create_parents:
        raise Refusal(409, "Parent does not exist")
    _make_parents(backend, visit, directory[:-1])
    visit.rights.demand(Activity.MANAGE, directory)
    with contextlib.suppress(FileExistsError):  # another upload was faster (storage.md 1.9)
        backend.tree.make_directory(directory)


def _may_redirect(backend: Backend, visit: Visit) -> bool:
    """All three must hold; the comparison is case-sensitive at dCache."""
    exchange = visit.exchange
    return (
        backend.options.redirect_on_write
        and not forbids_redirect(exchange.fault)
        and exchange.header("Expect") == "100-continue"
        and not exchange.body.has_arrived()
    )


def _redirect(backend: Backend, visit: Visit) -> Answer:
    fd = backend.tree.create(visit.path)
    node = node_of(fd)
    os.close(fd)
    mtime = parse_mtime(visit.exchange.header("X-OC-Mtime"))
    declared = visit.exchange.body.length or 0
    transfer = Transfer("put", encode_path(visit.path), node.inode, node.mtime_ns, declared, mtime)
    headers = {"Location": redirect_to_pool(backend, transfer)}
    if mtime is not None:
        headers["X-OC-MTime"] = "accepted"
    return Answer(307, headers=headers)


def _store(backend: Backend, visit: Visit) -> Answer:
    """Content-Range is not looked at: the fragment becomes the file, as at dCache."""
    exchange = visit.exchange
    fd = backend.tree.create(visit.path)
    try:
        store_body(exchange, fd)
        headers = apply_mtime(fd, parse_mtime(exchange.header("X-OC-Mtime")))
        if backend.options.digests:
            headers |= backend.digests.digest_header(fd, exchange.header("Want-Digest"))
    except BaseException:
        # A proxied upload that fails leaves nothing, unlike one that a pool took (storage.md 1.7).
        with contextlib.suppress(OSError):
            backend.tree.remove(visit.path)
        raise
    finally:
        os.close(fd)
    return Answer(201, headers=headers)
