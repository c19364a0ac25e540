"""PROPFIND: what is asked, which entries, and the multistatus (storage.md 3.1, 3.2; RFC 4918 9.1)."""

from __future__ import annotations

import contextlib
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.parsers import expat

from ctaclient.sandbox.door.properties import ALL, DAV, DCACHE, DEFAULT, SRM, Entry, Name, property_value
from ctaclient.sandbox.door.rights import Activity
from ctaclient.sandbox.namespace.path import encode_path
from ctaclient.sandbox.serving.answer import Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctaclient.sandbox.door.visit import Backend, Visit
    from ctaclient.sandbox.namespace.path import Path
    from ctaclient.sandbox.namespace.transfer import Uploads
    from ctaclient.sandbox.namespace.tree import Node

_INFINITY = 3  # levels; nothing in the answer tells that there would be more
_PREFIXES = {DAV: "d", DCACHE: "ns1", SRM: "ns2"}
_HEAD = (
    f'<?xml version="1.0" encoding="utf-8" ?>\n<d:multistatus xmlns:d="{DAV}" xmlns:ns1="{DCACHE}" xmlns:ns2="{SRM}">'
)


@dataclass(frozen=True, slots=True)
class Question:
    """Which properties; `reports_missing`: a second propstat tells which are not there; `names_only`: no values."""

    names: tuple[Name, ...]
    reports_missing: bool
    names_only: bool = False


def propfind(backend: Backend, visit: Visit) -> Answer:
    """207 with the entry itself first, then those below it in no order."""
    depth = _depth(visit.exchange.header("Depth"))
    question = parse_question(visit.exchange.body.read_all())
    brief = (visit.exchange.header("Brief") or "").strip().lower() == "t"
    visit.rights.demand(Activity.METADATA, visit.path)
    uploads = backend.transfers.uploads()
    parts = [_HEAD]
    for entry in _walk(backend, visit, visit.path, backend.tree.look(visit.path), depth, uploads):
        parts.extend(_response(backend, entry, question, brief=brief))
    parts.append("</d:multistatus>\n")
    return Answer(207, headers={"Content-Type": "application/xml; charset=utf-8"}, body="".join(parts).encode())


def parse_question(body: bytes) -> Question:
    """What the body asks for. Raises Refusal 400 for XML that is broken or brings a DTD."""
    if not body.strip():
        return Question(DEFAULT, reports_missing=False)
    path: list[Name] = []
    asked: list[Name] = []
    kinds: list[Name] = []

    def start(tag: str, _attributes: object) -> None:
        namespace, _, local = tag.rpartition("\n")
        path.append((namespace, local))
        if len(path) == 2:
            kinds.append(path[1])
        elif len(path) == 3 and path[1] == (DAV, "prop"):
            asked.append(path[2])

    def doctype(*_: object) -> None:
        raise Refusal(400, "No DTD please")

    parser = expat.ParserCreate(namespace_separator="\n")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: path.pop()
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)  # noqa: FBT003 - positional in the standard library
    except expat.ExpatError:
        raise Refusal(400, "Malformed XML") from None
    if (DAV, "prop") in kinds:
        return Question(tuple(dict.fromkeys(asked)), reports_missing=True)
    return Question(ALL, reports_missing=False, names_only=(DAV, "propname") in kinds)


def _depth(header: str | None) -> int:
    text = (header or "infinity").strip().lower()
    if text == "infinity":
        return _INFINITY
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, "Bad Depth")
    return min(int(text), _INFINITY)


def _walk(backend: Backend, visit: Visit, path: Path, node: Node, depth: int, uploads: Uploads) -> Iterator[Entry]:
    yield Entry(path, node, uploads.cover(node))
    if not node.is_directory or depth == 0:
        return
    # No right to list, or a directory that goes meanwhile, is no error: it simply looks empty (storage.md 3.2).
    if not visit.rights.allow(Activity.LIST, path):
        return
    with contextlib.suppress(OSError):
        for name, child in backend.tree.children(path):
            yield from _walk(backend, visit, (*path, name), child, depth - 1, uploads)


def _response(backend: Backend, entry: Entry, question: Question, *, brief: bool) -> Iterator[str]:
    href = encode_path(entry.path, directory=entry.node.is_directory)
    found, missing = [], []
    for name in question.names:
        value = property_value(backend, entry, name)
        if value is None:
            missing.append(_element(name, ""))
        else:
            found.append(_element(name, "" if question.names_only else value))
    yield f"<d:response><d:href>{href}</d:href>"
    reports_missing = missing and question.reports_missing and not brief
    if found or not reports_missing:
        yield _propstat(found, "HTTP/1.1 200 OK")
    if reports_missing:
        yield _propstat(missing, "HTTP/1.1 404 Not Found")
    yield "</d:response>"


def _propstat(elements: Sequence[str], status: str) -> str:
    return f"<d:propstat><d:prop>{''.join(elements)}</d:prop><d:status>{status}</d:status></d:propstat>"


def _element(name: Name, value: str) -> str:
    namespace, local = name
    prefix = _PREFIXES.get(namespace)
    if prefix is not None:
        tag, declaration = f"{prefix}:{local}", ""
    else:
        tag, declaration = local, f' xmlns="{html.escape(namespace)}"'
    return f"<{tag}{declaration}>{value}</{tag}>" if value else f"<{tag}{declaration}/>"
