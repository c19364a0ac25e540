"""Multi-Status bodies (RFC 4918 13), parsed as they arrive: memory does not grow with the listing.

Servers differ in prefixes, in what they leave out and in what they add, so elements are found by namespace. A document
type is refused: no server needs one, and entities are how XML parsers are attacked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from ctaclient.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DAV = "DAV:"
_RESPONSE, _PROPSTAT, _PROP = f"{DAV} response", f"{DAV} propstat", f"{DAV} prop"
_HREF, _STATUS, _COLLECTION = f"{DAV} href", f"{DAV} status", f"{DAV} collection"
_MAX_TEXT = 64 * 1024
_MAX_DEPTH = 32
_MAX_UNFINISHED_BYTES = 128 * 1024


@dataclass(slots=True)
class Resource:
    """One `response` element: what the server says of one thing.

    `href` is as it came. `status` is that of the response itself, where it has one. `properties` (keys are
    `"namespace name"`) are those that were found; elements inside a value (`checksum` in ownCloud's `checksums`) leave
    their texts separated by spaces. `is_collection` is what `resourcetype` says, the only test that holds on XRootD.
    """

    href: str = ""
    status: int | None = None
    properties: dict[str, str] = field(default_factory=dict)
    is_collection: bool = False


class _Reader:
    """expat's handlers: keeps the open elements, collects text, and hands over each finished resource."""

    def __init__(self) -> None:
        self.finished: list[Resource] = []
        self.seen_root = False
        self._open: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._resource = Resource()
        self._found: dict[str, str] = {}
        self._found_collection = False
        self._propstat_status: int | None = None

    def start(self, name: str, _: object) -> None:
        if not self._open:
            if name != f"{DAV} multistatus":
                raise ProtocolError("the answer is XML, but no multistatus")
            self.seen_root = True
        if len(self._open) >= _MAX_DEPTH:
            raise ProtocolError("the multistatus is nested too deeply")
        if name == _RESPONSE and len(self._open) == 1:
            self._resource = Resource()
        elif name == _PROPSTAT:
            self._found, self._found_collection, self._propstat_status = {}, False, None
        elif name == _COLLECTION and len(self._open) >= 2 and self._open[-1] == f"{DAV} resourcetype":
            self._found_collection = True
        inside_property = _PROP in self._open[:-1]
        if not inside_property:
            self._text, self._length = [], 0
        elif self._text:
            self._text.append(" ")
        self._open.append(name)

    def text(self, data: str) -> None:
        self._length += len(data)
        if self._length > _MAX_TEXT:
            raise ProtocolError("the multistatus has a text that is far too long")
        self._text.append(data)

    def end(self, name: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        if parent == _PROP:
            self._found[name] = "".join(self._text).strip()
        elif name == _HREF and parent == _RESPONSE:
            text = "".join(self._text)
            # A raw name may end in a space; white space with line breaks in it is pretty printing.
            self._resource.href = text.strip() if "\n" in text else text
        elif name == _STATUS and parent == _PROPSTAT:
            self._propstat_status = _status_code("".join(self._text))
        elif name == _STATUS and parent == _RESPONSE:
            self._resource.status = _status_code("".join(self._text))
        elif name == _PROPSTAT and self._propstat_status in (None, 200, 425):
            # 425 counts as found: some servers answer it for files still being written.
            self._resource.properties.update(self._found)
            self._resource.is_collection |= self._found_collection
        elif name == _RESPONSE and len(self._open) == 1:
            self.finished.append(self._resource)


def parse_multistatus(blocks: Iterable[bytes]) -> Iterator[Resource]:
    """The resources of a multistatus body, each as soon as it is complete.

    Raises ProtocolError for what is not well-formed XML, not a multistatus, has a document type, or ends too early:
    half a listing never passes for a whole one.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = 0
    try:
        for block in blocks:
            parser.Parse(block)
            fed += len(block)
            if fed - parser.CurrentByteIndex > _MAX_UNFINISHED_BYTES:
                raise ProtocolError("the listing has a tag that does not end")  # expat takes quadratic time for it
            yield from reader.finished
            reader.finished.clear()
        parser.Parse(b"", True)  # noqa: FBT003 - positional only
    except expat.ExpatError as error:
        raise ProtocolError(f"the listing is not proper XML ({error})") from None
    except (LookupError, ValueError):  # what Python's side of expat says about encodings
        raise ProtocolError("the listing has a text encoding that is not understood") from None
    yield from reader.finished


def _refuse_doctype(*_: object) -> None:
    raise ProtocolError("the listing contains a document type declaration, which is refused")


def _status_code(line: str) -> int | None:
    match = re.search(r"\b([1-5]\d\d)\b", line)
    return int(match[1]) if match else None
