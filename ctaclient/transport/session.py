"""`Session`: tokens and redirects around a wire. Everything this package sends passes here, webdav4's requests too."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NamedTuple

import httpx

from ctaclient._util.origin import Origin
from ctaclient._util.redact import safe_url
from ctaclient.capabilities import capabilities_of
from ctaclient.transport.redirect import STATUSES, headers_for_data_server, next_hop

if TYPE_CHECKING:
    from ctaclient.tokens.token import AccessToken
    from ctaclient.transport.access import Access

_log = logging.getLogger(__name__)


class _Server(NamedTuple):
    name: str
    certain: bool


class Session(httpx.BaseTransport):
    """Adds the token its origin may have, follows redirects with method and body, repeats once after a 401."""

    def __init__(self, wire: httpx.BaseTransport, access: Access) -> None:
        self._wire = wire
        self._access = access
        self._lock = threading.Lock()
        self._servers: dict[Origin, _Server] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The final answer. Raises NetworkError kin, ProtocolError for a forbidden redirect, TokenRejected."""
        url, hops = str(request.url), 0
        headers = at_door = _own_headers(request)
        door = Origin.of(url)
        while True:
            response = self._send(request, url, headers)
            if response.status_code not in STATUSES:
                return response
            location = response.headers.get("Location")
            response.close()
            hop = next_hop(url, response.status_code, location, hops, raw_names=self._sends_raw_names(Origin.of(url)))
            if Origin.of(hop) != door:
                url, headers = hop, headers_for_data_server(at_door)
            elif Origin.of(url) == door:
                url = hop
            else:
                # A dCache pool whose one-use id has expired sends us back (storage.md 1.4): we begin anew with our own
                # request. What a data server names at the door would get our token.
                url, headers = str(request.url), at_door
            hops += 1

    def server(self, origin: Origin) -> str | None:
        """What `origin` calls itself in its `Server` header, or None before it has answered."""
        with self._lock:
            known = self._servers.get(origin)
        return known.name if known else None

    def close(self) -> None:
        self._wire.close()

    def _send(self, request: httpx.Request, url: str, headers: list[tuple[str, str]]) -> httpx.Response:
        origin = Origin.of(url)
        token = self._access.token_for(origin)
        response = self._wire.handle_request(_request(request, url, headers, token))
        if response.status_code == 417 and request.headers.get("Expect"):
            # RFC 9110 10.1.1: the same again, without asking.
            response.close()
            headers = [(name, value) for name, value in headers if name.lower() != "expect"]
            response = self._wire.handle_request(_request(request, url, headers, token))
        if response.status_code == 401 and token:
            response.close()
            token = self._access.renew(origin, token)
            response = self._wire.handle_request(_request(request, url, headers, token))
            if response.status_code == 401:
                response.close()
                raise self._access.rejected(origin, token)
        _log.debug("%s %s: %d", request.method, safe_url(url), response.status_code)
        self._learn(origin, response)
        return response

    def _learn(self, origin: Origin, response: httpx.Response) -> None:
        """The first good answer tells who the server is, and until then a 4xx, which may be of a proxy in front."""
        good = response.status_code < 400
        with self._lock:
            known = self._servers.get(origin)
            if response.status_code < 500 and (known is None or (good and not known.certain)):
                self._servers[origin] = _Server(response.headers.get("Server", ""), certain=good)

    def _sends_raw_names(self, origin: Origin) -> bool:
        return not capabilities_of(self.server(origin) or "").encoded_hrefs


def _request(
    request: httpx.Request, url: str, headers: list[tuple[str, str]], token: AccessToken | None
) -> httpx.Request:
    own = [("Host", httpx.URL(url).netloc.decode()), *headers]
    if token:
        own.append(("Authorization", f"Bearer {token.value}"))
    return httpx.Request(request.method, url, headers=own, stream=request.stream, extensions=request.extensions)


def _own_headers(request: httpx.Request) -> list[tuple[str, str]]:
    """The caller's headers without what is decided here. Cookies are never sent: no storage needs one."""
    decided = {"authorization", "cookie", "host"}
    pairs = [(name.decode(), value.decode()) for name, value in request.headers.raw]
    return [(name, value) for name, value in pairs if name.lower() not in decided]
