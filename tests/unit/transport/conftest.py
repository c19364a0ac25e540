"""A network without sockets: streams that play a script, and a backend that hands them out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from ctaclient.transport.body import BytesSource, SourceStream
from ctaclient.transport.channel import Channel
from ctaclient.transport.exchange import Exchange
from ctaclient.transport.limits import Timeouts

if TYPE_CHECKING:
    import ssl

# What the other side does next: send bytes, fail, or look at what it was sent so far and then say what to send.
Step = bytes | Exception | Callable[[bytes], bytes]
SILENCE = httpcore.ReadTimeout("nothing came")


class Stream(httpcore.NetworkStream):
    """Plays `steps`, one for each read, then ends. Remembers what was written."""

    def __init__(self, *steps: Step, refuses_after: int | None = None) -> None:
        self.steps = list(steps)
        self.sent = b""
        self.closed = False
        self.tls_names: list[str | None] = []
        self._refuses_after = refuses_after

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self.steps:
            return b""
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        data = step if isinstance(step, bytes) else step(self.sent)
        if len(data) > max_bytes:
            self.steps.insert(0, data[max_bytes:])
        return data[:max_bytes]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._refuses_after is not None and len(self.sent) + len(buffer) > self._refuses_after:
            raise httpcore.WriteError("broken pipe")
        self.sent += buffer

    def close(self) -> None:
        self.closed = True

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self.tls_names.append(server_hostname)
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class Backend(httpcore.NetworkBackend):
    """Hands out `streams` in order, or raises the error that stands in the place of one."""

    def __init__(self, *streams: Stream | Exception) -> None:
        self.streams = list(streams)
        self.dialled: list[tuple[str, int]] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: object = None,
    ) -> httpcore.NetworkStream:
        self.dialled.append((host, port))
        stream = self.streams.pop(0)
        if isinstance(stream, Exception):
            raise stream
        return stream


class Buffer:
    """A sink in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, offset: int, block: memoryview) -> None:
        assert offset == len(self.data)
        self.data += block


def a_request(method: str = "GET", body: bytes | None = None, **headers: str) -> httpx.Request:
    named = {"Host": "door", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is not None:
        named.setdefault("Content-Length", str(len(body)))
    stream = httpx.ByteStream(b"") if body is None else SourceStream(BytesSource(body))
    return httpx.Request(method, "https://door/a%20b", headers=named, stream=stream)


def an_exchange(stream: Stream) -> Exchange:
    return Exchange(Channel(stream, "door:443", direct=False), Timeouts())
