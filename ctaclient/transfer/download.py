"""One file down: into a part file, size and checksum compared, then the final name."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient._util.hint import command
from ctaclient._util.redact import printable
from ctaclient.errors import Changed, Exists, IntegrityError, Nearline, ProtocolError, ServerError, UsageError
from ctaclient.storage.entry import opaque_tag
from ctaclient.transfer.checksum import Checksum, file_checksum, new_checksum
from ctaclient.transfer.local import PartFile, local_errors
from ctaclient.transfer.remote_digest import known_checksum
from ctaclient.transfer.result import TransferResult
from ctaclient.transport.sink import FileSink

if TYPE_CHECKING:
    from ctaclient._util.clock import Clock
    from ctaclient.storage.entry import Entry
    from ctaclient.storage.storage import Storage
    from ctaclient.transfer.progress import Progress
    from ctaclient.transport.sink import Sink


def download(
    storage: Storage, entry: Entry, local: Path, *, overwrite: bool, progress: Progress, clock: Clock
) -> TransferResult:
    """Get the file `entry` to `local`.

    A local file with the same size and checksum is "already there". Raises Exists when it differs and `overwrite` is
    not given; IntegrityError, Changed, Nearline, NoSpace, NotFound, Forbidden, NetworkError kin. In all these cases
    `local` is as it was.
    """
    begin = clock.monotonic()
    with local_errors(f"cannot write {local}"):
        _check_readable(entry)
        expected = known_checksum(storage, entry)
        result = TransferResult(str(entry.path), str(local), "done", entry.size_bytes or 0)
        if os.path.lexists(local):
            if _has_content(local, entry.size_bytes, expected):
                checksum = ":".join(expected) if expected else None
                return replace(result, state="already there", checksum=checksum, verified="checksum")
            _check_replaceable(local, overwrite=overwrite)
        try:
            # As `cp`: through a link to what it leads to.
            with PartFile(Path(os.path.realpath(local)) if local.is_symlink() else local) as part:
                result = _fetch(storage, entry, expected, _Watched(FileSink(part.fd), expected, progress), result)
                part.publish(overwrite=overwrite)
        finally:
            progress.finish()
    return replace(result, seconds=clock.monotonic() - begin)


class _Watched:
    """A sink that counts and sums up what passes."""

    def __init__(self, sink: Sink, expected: tuple[str, str] | None, progress: Progress) -> None:
        self._sink = sink
        self.checksum: Checksum = new_checksum(expected[0] if expected else "adler32")
        self.progress = progress

    def write(self, offset: int, block: memoryview) -> None:
        self._sink.write(offset, block)
        self.checksum.update(block)
        self.progress.advance(len(block))


def _fetch(
    storage: Storage, entry: Entry, expected: tuple[str, str] | None, sink: _Watched, result: TransferResult
) -> TransferResult:
    path = entry.path
    sink.progress.start(path.name, entry.size_bytes)
    with storage.requests.send("GET", storage.url(path)) as answer:
        answer.raise_for_status(f"cannot get {path}")
        if answer.status != 200:
            raise ProtocolError(f"cannot get {path}: unexpected answer {answer.status}", status=answer.status)
        etag = answer.header("ETag")  # a dCache pool sends none
        if etag and entry.etag and opaque_tag(etag) != opaque_tag(entry.etag):
            raise Changed(f"{path} changed since it was looked at", hint="get it again")
        encoding = answer.header("Content-Encoding") or "identity"
        # Apache may label x.fits.gz so although it sends the file as it is: then the length is the listed one.
        if encoding.lower() != "identity" and answer.header("Content-Length") != str(entry.size_bytes):
            raise ProtocolError(f"{path} came as {printable(encoding, limit=40)} although that was refused")
        received = answer.drain_into(sink)
    if entry.size_bytes is not None and received != entry.size_bytes:
        raise IntegrityError(f"{path}: {entry.size_bytes} bytes were listed, {received} came", hint="get it again")
    algorithm, checksum = (expected[0] if expected else "adler32"), sink.checksum.hexdigest()
    if expected and checksum != expected[1]:
        raise IntegrityError(
            f"{path}: {algorithm} of the storage is {expected[1]}, of what came {checksum}", hint="get it again"
        )
    return replace(
        result,
        size_bytes=received,
        checksum=f"{algorithm}:{checksum}",
        verified="checksum" if expected else "size" if entry.size_bytes is not None else None,
    )


def _check_readable(entry: Entry) -> None:
    if entry.is_dir:
        raise UsageError(f"{entry.path} is a directory", hint=command("ctaclient", "get", "-r", entry.path))
    if entry.locality == "NEARLINE":
        raise Nearline(f"{entry.path} is on tape only", hint="have it staged by your data centre, then get it again")
    if entry.locality in ("UNAVAILABLE", "LOST"):
        raise ServerError(f"{entry.path} cannot be read: its locality is {entry.locality}", hint="try again later")


def _has_content(local: Path, size_bytes: int | None, expected: tuple[str, str] | None) -> bool:
    if expected is None or not local.is_file() or local.stat().st_size != size_bytes:
        return False
    return file_checksum(local, expected[0]) == expected[1]


def _check_replaceable(local: Path, *, overwrite: bool) -> None:
    if local.is_dir():
        raise Exists(f"{local} is a directory", hint=f"name {local}/ to get it in there")
    if not overwrite:
        raise Exists(
            f"{local} exists and differs, or there is no checksum to tell", hint="add --overwrite to replace it"
        )
    if not local.is_file():
        raise UsageError(f"{local} is a device, a pipe or a link to nothing, and is not replaced")
