"""Listings as servers send them, and a storage without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from ctaclient._util.origin import Origin
from ctaclient.storage.storage import Storage
from ctaclient.transport.access import Access
from ctaclient.transport.requests import Requests
from ctaclient.transport.session import Session
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://door.example:2880"
ORIGIN = Origin.of(URL)


class Wire(httpx.BaseTransport):
    """Answers with what `answer` makes of a request; remembers the requests."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        response = self._answer(request)
        response.request = request
        return response

    @property
    def lines(self) -> list[str]:
        return [f"{each.method} {each.url.raw_path.decode()}" for each in self.asked]


def a_storage(wire: Wire, url: str = URL) -> Storage:
    return Storage(url, Requests(Session(wire, Access({}, FakeClock()))))


def response(status: int, body: str | bytes = b"", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body.encode() if isinstance(body, str) else body
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(data))


def listing(*responses: str, server: str = "") -> httpx.Response:
    text = f'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'
    return response(207, text, Server=server)


def item(href: str, *, size: int | None = None, extra: str = "") -> str:
    """A file of `size` bytes, or a collection."""
    kind = "<D:resourcetype><D:collection/></D:resourcetype>" if size is None else "<D:resourcetype/>"
    length = "" if size is None else f"<D:getcontentlength>{size}</D:getcontentlength>"
    return (
        f"<D:response><D:href>{href}</D:href><D:propstat><D:prop>{kind}{length}{extra}</D:prop>"
        "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
    )
