"""What became of each item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, overload

from ctaclient.errors import CtaError, SomeItemsFailed

State = Literal["done", "already there", "failed"]


@dataclass(frozen=True, slots=True)
class TransferResult:
    """One file or directory. Truthy when it is where it should be.

    `checksum` is `algorithm:hex`. `verified` tells what was compared with the server: `checksum`, `size`, or None for
    directories, failures, and files of which the server says neither. `published` is `move` or `put` for uploads: with
    `put` there was a moment in which others could see a part. `left_behind` is a temporary of ours that could not be
    deleted.
    """

    source: str
    target: str
    state: State
    size_bytes: int = 0
    seconds: float = 0
    checksum: str | None = None
    verified: Literal["checksum", "size"] | None = None
    published: Literal["move", "put"] | None = None
    left_behind: str | None = None
    error: CtaError | None = None

    def __bool__(self) -> bool:
        return self.state != "failed"

    def to_dict(self) -> dict[str, Any]:
        """The result as it stands in `--json`."""
        return {
            "source": self.source,
            "target": self.target,
            "state": self.state,
            "size_bytes": self.size_bytes,
            "seconds": round(self.seconds, 3),
            "checksum": self.checksum,
            "verified": self.verified,
            "published": self.published,
            "left_behind": self.left_behind,
            "error": self.error.to_dict() if self.error else None,
        }


class Report(Sequence[TransferResult]):
    """The results of a transfer, in order."""

    def __init__(self, results: Sequence[TransferResult]) -> None:
        self._results = tuple(results)

    @property
    def failed(self) -> list[TransferResult]:
        """Those that are not where they should be."""
        return [result for result in self._results if not result]

    def raise_for_errors(self) -> Self:
        """Raise TransferFailed if anything failed; return the report otherwise."""
        if failed := self.failed:
            raise TransferFailed(f"{len(failed)} of {len(self)} items failed", report=self)
        return self

    @overload
    def __getitem__(self, index: int) -> TransferResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TransferResult]: ...
    def __getitem__(self, index: int | slice) -> TransferResult | Sequence[TransferResult]:
        return self._results[index]

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[TransferResult]:
        return iter(self._results)

    def __repr__(self) -> str:
        failed = len(self.failed)
        return f"<Report: {len(self) - failed} done, {failed} failed>"


class TransferFailed(SomeItemsFailed):
    """Some items failed; `report` has them all."""

    def __init__(self, message: str, *, report: Report, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message, hint=hint, status=status)
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.message, self.report, self.hint)


def _rebuild(message: str, report: Report, hint: str | None) -> TransferFailed:
    return TransferFailed(message, report=report, hint=hint)
