"""The door: checks who asks and what for, then hands over to the method."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ctaclient.sandbox.door.blocking import Blocking
from ctaclient.sandbox.door.changing import delete, make_collection, move
from ctaclient.sandbox.door.login import Login
from ctaclient.sandbox.door.propfind import propfind
from ctaclient.sandbox.door.reading import get, head
from ctaclient.sandbox.door.visit import Backend, Visit
from ctaclient.sandbox.door.writing import put
from ctaclient.sandbox.layout import Layout
from ctaclient.sandbox.namespace.digest import DigestCache
from ctaclient.sandbox.namespace.failure import refuse
from ctaclient.sandbox.namespace.locality import Localities
from ctaclient.sandbox.namespace.path import decode_path
from ctaclient.sandbox.namespace.transfer import TransferBook
from ctaclient.sandbox.namespace.tree import Tree
from ctaclient.sandbox.serving.answer import Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.sandbox.config import Config
    from ctaclient.sandbox.serving.exchange import Exchange

_ALLOW = "OPTIONS, HEAD, GET, PUT, DELETE, PROPFIND, MKCOL, MOVE"
# Connections end after these; the others keep them (storage.md 1.5).
_CLOSING = ("GET", "PUT", "DELETE")
# New releases set a session cookie; clients are to ignore it (storage.md 1.12).
_COOKIE = "DCACHE_API_SESSION=sandbox; Path=/; Secure; HttpOnly"


class Door:
    """The application behind the door's server."""

    server_header = "dCache/9.2.0 (ctaclient sandbox)"

    def __init__(self, config: Config) -> None:
        layout = Layout(config.directory)
        options = config.options
        self._login = Login(config)
        self._blocking = Blocking(options.unauthorized_limit)
        self._backend = Backend(
            tree=Tree(layout.storage),
            digests=DigestCache(),
            localities=Localities(layout.locality),
            transfers=TransferBook(layout.transfers, options.transfer_lifetime_s),
            options=options,
            door_url=config.urls["door"],
            pool_url=config.urls["pool"],
        )

    def answer(self, exchange: Exchange) -> Answer:
        """Do what is asked, if it may be done."""
        closes = exchange.method in _CLOSING
        try:
            answer = self._work(exchange)
        except Refusal as refusal:
            if refusal.status == 401:
                self._blocking.count()
            headers = {**refusal.headers, "Set-Cookie": _COOKIE}
            raise Refusal(refusal.status, refusal.reason, headers=headers, close=closes or refusal.close) from None
        return replace(answer, headers={**answer.headers, "Set-Cookie": _COOKIE}, close=closes)

    def disconnected(self, connection: int) -> None:
        """Nothing here outlives a request."""

    def _work(self, exchange: Exchange) -> Answer:
        self._blocking.check()
        path = decode_path(exchange.path)
        rights = self._login.check(exchange.header("Authorization"))
        if exchange.method == "OPTIONS":
            return Answer(200, headers={"DAV": "1, 2", "Allow": _ALLOW, "MS-Author-Via": "DAV"})
        method = _METHODS.get(exchange.method)
        if method is None:
            raise Refusal(501)
        try:
            return method(self._backend, Visit(exchange, path, rights))
        except OSError as error:
            raise refuse(error) from None


_METHODS: dict[str, Callable[[Backend, Visit], Answer]] = {
    "GET": get,
    "HEAD": head,
    "PUT": put,
    "PROPFIND": propfind,
    "MKCOL": make_collection,
    "DELETE": delete,
    "MOVE": move,
}
