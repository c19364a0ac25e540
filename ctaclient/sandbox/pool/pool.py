"""The pool: serves the one file a one-use id stands for, in the one direction (storage.md 1.4, 1.6)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

from ctaclient.sandbox.layout import Layout
from ctaclient.sandbox.namespace.digest import DigestCache
from ctaclient.sandbox.namespace.failure import refuse
from ctaclient.sandbox.namespace.intake import apply_mtime, store_body
from ctaclient.sandbox.namespace.path import decode_path
from ctaclient.sandbox.namespace.ranges import choose_span
from ctaclient.sandbox.namespace.transfer import TransferBook
from ctaclient.sandbox.namespace.tree import Tree, node_of
from ctaclient.sandbox.pool.movers import OpenMovers
from ctaclient.sandbox.serving.answer import Answer, FileSlice, Refusal

if TYPE_CHECKING:
    from ctaclient.sandbox.config import Config
    from ctaclient.sandbox.namespace.transfer import Transfer
    from ctaclient.sandbox.serving.exchange import Exchange

_PUT_MAY_SEND = ("content-length", "content-md5")


class Pool:
    """The application behind the pool's server. It never looks at Authorization."""

    server_header = "dCache/9.2.0 (ctaclient sandbox)"

    def __init__(self, config: Config) -> None:
        layout = Layout(config.directory)
        self._tree = Tree(layout.storage)
        self._transfers = TransferBook(layout.transfers, config.options.transfer_lifetime_s)
        self._movers = OpenMovers(self._transfers)
        self._digests = DigestCache()
        self._offers_digests = config.options.digests
        self._door_url = config.urls["door"]

    def answer(self, exchange: Exchange) -> Answer:
        """GET and PUT; the pool's errors have no body, only a reason phrase."""
        try:
            match exchange.method:
                case "GET":
                    return self._get(exchange)
                case "PUT":
                    return self._put(exchange)
                case _:
                    raise Refusal(501, f"{exchange.method} is not implemented")
        except OSError as error:
            refusal = refuse(error)
        except Refusal as raised:
            refusal = raised
        return Answer(refusal.status, refusal.reason, headers=refusal.headers, close=refusal.close)

    def disconnected(self, connection: int) -> None:
        """A mover that served ranges ends with its last connection."""
        self._movers.leave(connection)

    def _get(self, exchange: Exchange) -> Answer:
        one_use_id, transfer = self._promised(exchange, "get")
        fd = self._tree.open(decode_path(exchange.path))
        size = os.fstat(fd).st_size
        try:
            forgiving = exchange.header("If-Range") is not None
            span = choose_span(exchange.header("Range"), size, forgiving=forgiving)
            if span is None and self._transfers.claim(one_use_id) is None:
                raise self._resubmit(exchange)
            headers = self._file_headers(exchange, transfer) | self._digest(fd, exchange)
        except BaseException:
            os.close(fd)
            raise
        if span is None:
            self._transfers.close(one_use_id)
            return Answer(200, headers=headers, body=FileSlice(fd, 0, size))
        self._movers.enter(exchange.connection, one_use_id)
        headers["Content-Range"] = span.content_range(size)
        return Answer(206, headers=headers, body=FileSlice(fd, span.start, span.end - span.start))

    def _put(self, exchange: Exchange) -> Answer:
        for name in exchange.header_names:
            if name.lower().startswith("content-") and name.lower() not in _PUT_MAY_SEND:
                raise Refusal(501, f"{name} is not implemented", close=True)
        one_use_id, transfer = self._promised(exchange, "put")
        if self._transfers.claim(one_use_id) is None:
            raise self._resubmit(exchange)
        try:
            fd = self._tree.open(decode_path(exchange.path), os.O_RDWR)
            try:
                if not transfer.is_for(node_of(fd)):
                    raise self._resubmit(exchange)
                return self._receive(exchange, transfer, fd)
            finally:
                os.close(fd)
        finally:
            self._transfers.close(one_use_id)

    def _receive(self, exchange: Exchange, transfer: Transfer, fd: int) -> Answer:
        stored = store_body(exchange, fd)
        if transfer.declared_bytes and exchange.body.received != transfer.declared_bytes:
            raise Refusal(400, f"File size mismatch (expected={transfer.declared_bytes})", close=True)
        if os.fstat(fd).st_nlink == 0:
            raise Refusal(500, "File was removed during the upload", close=True)
        headers = {"Content-Type": "text/plain; charset=UTF-8", "Location": self._door_url + exchange.path}
        headers |= apply_mtime(fd, transfer.set_mtime_s)
        headers |= self._digest(fd, exchange)
        return Answer(201, headers=headers, body=f"{stored} bytes uploaded\r\n".encode())

    def _promised(self, exchange: Exchange, direction: str) -> tuple[str, Transfer]:
        one_use_id = exchange.parameters().get("dcache-http-uuid", "")
        transfer = self._transfers.look(one_use_id)
        if transfer is None:
            raise self._resubmit(exchange)
        if transfer.direction != direction:
            raise Refusal(405, "Mover is not open for this", close=True)
        if transfer.path != exchange.path:
            raise Refusal(400, "The path does not match the request to the door", close=True)
        return one_use_id, transfer

    def _resubmit(self, exchange: Exchange) -> Refusal:
        """Unknown or spent ids go back to the door, if the URL says where that is."""
        reference = exchange.parameters().get("dcache-http-ref")
        if reference is None:
            return Refusal(400, "Request is no longer valid. Please resubmit to door.", close=True)
        location = quote(reference.rstrip("/"), safe=":/[]") + exchange.path
        return Refusal(307, headers={"Location": location}, close=True)

    def _file_headers(self, exchange: Exchange, transfer: Transfer) -> dict[str, str]:
        """No ETag, no Last-Modified, no Content-Type: those are the door's."""
        name = exchange.path.rsplit("/", 1)[1]
        return {
            "Accept-Ranges": "bytes",
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Content-Location": self._door_url + transfer.path,
        }

    def _digest(self, fd: int, exchange: Exchange) -> dict[str, str]:
        wanted = exchange.header("Want-Digest") if self._offers_digests else None
        return self._digests.digest_header(fd, wanted)
