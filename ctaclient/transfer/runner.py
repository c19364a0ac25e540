"""Carrying out the items of a tree: one that fails does not stop the others, a refused login does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from ctaclient.errors import LOGIN_LOST, CtaError, Exists
from ctaclient.storage.namespace import make_directory
from ctaclient.transfer.download import download
from ctaclient.transfer.local import local_errors
from ctaclient.transfer.result import TransferResult
from ctaclient.transfer.upload import upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ctaclient._util.clock import Clock
    from ctaclient.storage.storage import Storage
    from ctaclient.transfer.progress import Progress
    from ctaclient.transfer.tree import DownloadItem, UploadItem

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs items one after the other."""

    storage: Storage
    overwrite: bool
    progress: Progress
    clock: Clock

    def upload(self, items: Iterable[UploadItem]) -> Iterator[TransferResult]:
        """The result of each item, as it is known."""
        for item in items:
            failed = TransferResult(str(item.local), str(item.remote), "failed", error=item.error)
            yield failed if item.error else self._guarded(failed, self._upload, item)

    def download(self, items: Iterable[DownloadItem]) -> Iterator[TransferResult]:
        """The result of each item, as it is known."""
        for item in items:
            failed = TransferResult(str(item.remote), str(item.local), "failed", error=item.error)
            yield failed if item.error else self._guarded(failed, self._download, item)

    def _upload(self, item: UploadItem) -> TransferResult:
        if not item.is_dir:
            return upload(
                self.storage,
                item.local,
                item.remote,
                overwrite=self.overwrite,
                progress=self.progress,
                clock=self.clock,
            )
        make_directory(self.storage, item.remote, parents=True)
        return TransferResult(str(item.local), str(item.remote), "done")

    def _download(self, item: DownloadItem) -> TransferResult:
        assert item.entry is not None
        if not item.entry.is_dir:
            return download(
                self.storage, item.entry, item.local, overwrite=self.overwrite, progress=self.progress, clock=self.clock
            )
        with local_errors(f"cannot make the directory {item.local}"):
            try:
                item.local.mkdir(parents=True, exist_ok=True)
            except FileExistsError:
                raise Exists(f"{item.local} exists and is no directory") from None
        return TransferResult(str(item.remote), str(item.local), "done")

    def _guarded(self, failed: TransferResult, work: Callable[[_Item], TransferResult], item: _Item) -> TransferResult:
        try:
            return work(item)
        except LOGIN_LOST:
            raise
        except CtaError as error:
            return replace(failed, error=error)
