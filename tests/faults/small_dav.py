"""A WebDAV storage in memory for `BytesServer`: honest, until a test's `twist` takes a request for itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.bytes_server import Head, Talk

_ROOT = (
    "<D:response><D:href>/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop>"
    "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
)
_FILE = (
    "<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:resourcetype/>"
    "<D:getcontentlength>{size}</D:getcontentlength></D:prop>"
    "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
)


def multistatus(*responses: str) -> bytes:
    """A multistatus body of those responses."""
    return f'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'.encode()


class SmallDav:
    """Files by encoded path, in one directory, without checksums. An instance is a `BytesServer`'s `handle`.

    `twist(talk, head)` answers a request itself and returns True, or returns False to leave it to the honest server.
    With `server` it gives itself that name; as `XrootD` it does not escape the names in its listings.
    """

    def __init__(self, twist: Callable[[Talk, Head], bool] = lambda *_: False, *, server: str = "") -> None:
        self.server = server
        self.files: dict[str, bytes] = {}
        self._twist = twist
        self._lock = threading.Lock()

    def __call__(self, talk: Talk) -> None:
        while head := talk.hear():
            if not self._twist(talk, head):
                self.serve(talk, head)

    def serve(self, talk: Talk, head: Head) -> None:
        """The honest answer."""
        if head.headers.get("expect"):
            talk.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = talk.body(head)
        with self._lock:
            status, answer = self._do(head, body)
        own = {"Content-Length": str(len(answer)), **({"Server": self.server} if self.server else {})}
        talk.answer(status, own, b"" if head.method == "HEAD" else answer)

    def _do(self, head: Head, body: bytes) -> tuple[int, bytes]:
        path, there = head.target, head.target in self.files
        match head.method:
            case "PROPFIND" if path == "/":
                listed = self.files if head.headers["depth"] == "1" else {}
                return 207, multistatus(_ROOT, *(self._file(name) for name in listed))
            case "PROPFIND" if there:
                return 207, multistatus(self._file(path))
            case "GET" | "HEAD" if there:
                return 200, self.files[path]
            case "OPTIONS":
                return 200, b""
            case "PUT" if there and head.headers.get("if-none-match") == "*":
                return 412, b""
            case "PUT":
                self.files[path] = body
                return (204 if there else 201), b""
            case "DELETE" if there:
                del self.files[path]
                return 204, b""
            case "MOVE" if there:
                target = urlsplit(head.headers["destination"]).path
                if target in self.files and head.headers.get("overwrite") != "T":
                    return 412, b""
                self.files[target] = self.files.pop(path)
                return 201, b""
        return 404, b""

    def _file(self, name: str) -> str:
        href = escape(unquote(name)) if self.server == "XrootD" else name
        return _FILE.format(href=href, size=len(self.files[name]))

    def names(self) -> list[str]:
        """Decoded names, sorted."""
        return sorted(unquote(name).removeprefix("/") for name in self.files)
