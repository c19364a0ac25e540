"""MKCOL, DELETE and MOVE (storage.md 1.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ctaclient.sandbox.door.rights import Activity
from ctaclient.sandbox.namespace.path import decode_path
from ctaclient.sandbox.serving.answer import Answer, Refusal

if TYPE_CHECKING:
    from ctaclient.sandbox.door.visit import Backend, Visit
    from ctaclient.sandbox.namespace.path import Path


def make_collection(backend: Backend, visit: Visit) -> Answer:
    """201, or 405 when it exists, 409 without a parent."""
    visit.rights.demand(Activity.MANAGE, visit.path)
    if not visit.path or backend.tree.find(visit.path) is not None:
        raise Refusal(405, "Exists already")
    _demand_parent(backend, visit.path)
    backend.tree.make_directory(visit.path)
    return Answer(201)


def delete(backend: Backend, visit: Visit) -> Answer:
    """204; a directory goes with all that is in it."""
    visit.rights.demand(Activity.DELETE, visit.path)
    if not visit.path:
        raise Refusal(403, "Permission denied")
    backend.tree.remove(visit.path)
    return Answer(204)


def move(backend: Backend, visit: Visit) -> Answer:
    """201, or 204 when it replaced something. A missing Overwrite header means F here, not T as in RFC 4918 10.6."""
    target = _destination(backend, visit)
    visit.rights.demand(Activity.MANAGE, visit.path)
    visit.rights.demand(Activity.MANAGE, target)
    backend.tree.look(visit.path)
    if target == visit.path or not target or not visit.path:
        raise Refusal(403, "Source and destination are the same, or the root")
    _demand_parent(backend, target)
    replaces = backend.tree.find(target) is not None
    if replaces:
        if (visit.exchange.header("Overwrite") or "").strip().upper() != "T":
            raise Refusal(412)
        visit.rights.demand(Activity.DELETE, target)
        backend.tree.remove(target)
    backend.tree.rename(visit.path, target)
    return Answer(204 if replaces else 201)


def _demand_parent(backend: Backend, path: Path) -> None:
    parent = backend.tree.find(path[:-1])
    if parent is None or not parent.is_directory:
        raise Refusal(409, "Parent does not exist")


def _destination(backend: Backend, visit: Visit) -> Path:
    text = visit.exchange.header("Destination")
    if text is None:
        raise Refusal(400, "No Destination header")
    parts = urlsplit(text)
    here = {urlsplit(backend.door_url).netloc, visit.exchange.header("Host")}
    if not parts.scheme or not parts.netloc:
        raise Refusal(400, "Destination must be an absolute URL")
    if parts.scheme != "https" or parts.netloc not in here:
        raise Refusal(502, "Destination is on another server")
    return decode_path("/" + text.partition("?")[0].split("/", 3)[3] if text.count("/") > 2 else "/")
