"""What a server says, and how exactly it is to arrive."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FileSlice:
    """Bytes of an open file. Whoever sends it closes the descriptor."""

    fd: int
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """Disturbances on the way out; the default is none. Offsets count body bytes."""

    nothing: bool = False
    cut_after: int | None = None
    stall_after: int | None = None
    stall_s: float = 0
    flip_first: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, reason phrase (empty: the usual one), headers, body. `length` is for HEAD, which has no body."""

    status: int
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileSlice = b""
    close: bool = False
    length: int | None = None
    delivery: Delivery = Delivery()

    @property
    def size_bytes(self) -> int:
        """Bytes of the body that goes out."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.size_bytes


class Refusal(Exception):
    """Ends the work on a request with an error answer."""

    def __init__(
        self, status: int, reason: str = "", *, headers: dict[str, str] | None = None, close: bool = False
    ) -> None:
        super().__init__(status)
        self.status = status
        self.reason = reason
        self.headers = headers or {}
        self.close = close


class Cut(Exception):
    """The connection ends here, without a word: the client went away, or a fault says so."""
