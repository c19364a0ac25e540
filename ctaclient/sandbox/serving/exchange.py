"""One request, as the part of a server that works on it sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from email.message import Message

    from ctaclient.sandbox.faults.fault import Fault
    from ctaclient.sandbox.serving.answer import Answer
    from ctaclient.sandbox.serving.body import RequestBody


@dataclass(frozen=True, slots=True)
class Exchange:
    """`path` is percent-encoded and without the query; `connection` names the TCP connection within the process."""

    method: str
    path: str
    query: str
    headers: Message
    header_names: tuple[str, ...]
    body: RequestBody
    fault: Fault | None
    connection: int

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return self.headers.get(name)

    def parameters(self) -> dict[str, str]:
        """The query, decoded; the first value of each name."""
        return first_values(self.query)


class Application(Protocol):
    """What stands behind a server."""

    server_header: str

    def answer(self, exchange: Exchange) -> Answer:
        """Do the work. May raise Refusal or Cut."""
        ...

    def disconnected(self, connection: int) -> None:
        """The connection has ended."""
        ...


def first_values(form: str) -> dict[str, str]:
    """An `application/x-www-form-urlencoded` text as a dict; the first value of each name."""
    return {name: values[0] for name, values in parse_qs(form, keep_blank_values=True).items()}
