"""`BearerAuth`: the token for somebody else's httpx client, by the same rules as for our own requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from ctaclient._util.origin import Origin
from ctaclient.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from ctaclient.transport.access import Access

    Flow = Generator[httpx.Request, httpx.Response, None]


class BearerAuth(httpx.Auth):
    """An `httpx.Auth` that adds the token to requests to the profile's own storage, and to no others.

    The token is looked up for each request, so a new token or a new login counts at once. After a 401 it is renewed and
    the request sent once more, if its body is bytes; one that is read from a file or a generator cannot be sent twice,
    and its 401 is given back. On a redirect to another origin httpx leaves the token behind. For `httpx.Client` and
    `httpx.AsyncClient`; safe to share. Requests may raise LoginRequired, or TokenRejected when there is no other token.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def auth_flow(self, request: httpx.Request) -> Flow:
        """httpx's own contract: requests out, responses in."""
        origin = _origin(request)
        token = self._access.token_for(origin) if origin else None
        if origin is None or token is None:
            yield request
            return
        request.headers["Authorization"] = f"Bearer {token.value}"
        response = yield request
        if not _refused(response, request):
            return
        token = self._access.renew(origin, token)
        if not isinstance(request.stream, httpx.ByteStream):
            return
        request.headers["Authorization"] = f"Bearer {token.value}"
        response = yield request
        if _refused(response, request):
            raise self._access.rejected(origin, token)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The same; waiting for the agent does not hold up the event loop."""
        flow = self.auth_flow(request)
        response: httpx.Response | None = None
        while (step := await _off_the_loop(flow, response)) is not None:
            response = yield step


def _origin(request: httpx.Request) -> Origin | None:
    try:
        return Origin.of(str(request.url))
    except UsageError:
        return None


def _refused(response: httpx.Response, request: httpx.Request) -> bool:
    """Whether our token was refused: not where a redirect led, which went without."""
    sent: str | None = response.request.headers.get("Authorization")
    return response.status_code == 401 and sent == request.headers["Authorization"]


def _advance(flow: Flow, response: httpx.Response | None) -> httpx.Request | None:
    try:
        return next(flow) if response is None else flow.send(response)
    except StopIteration:
        return None


async def _off_the_loop(flow: Flow, response: httpx.Response | None) -> httpx.Request | None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # another library's loop, which httpx allows
        return _advance(flow, response)
    return await asyncio.to_thread(_advance, flow, response)
