"""One file up: a temporary sibling, verified, then MOVE; or PUT to the final name where MOVE is no use.

What stays after a failed PUT differs from server to server, and overwriting in place loses the old data first
(storage.md 1.7). So the final name is touched last, and only our own temporary is ever deleted.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ctaclient.errors import Changed, ConflictError, CtaError, Exists, Forbidden, NetworkError, NotFound, ProtocolError
from ctaclient.storage.entry import Entry, opaque_tag
from ctaclient.storage.listing import find
from ctaclient.storage.namespace import delete_known, move
from ctaclient.transfer.checksum import file_checksum
from ctaclient.transfer.local import local_errors
from ctaclient.transfer.remote_digest import known_checksum
from ctaclient.transfer.result import TransferResult
from ctaclient.transfer.sending import Sent, send
from ctaclient.transport.body import FileSource

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient._util.clock import Clock
    from ctaclient.storage.path import RemotePath
    from ctaclient.storage.storage import Storage
    from ctaclient.transfer.progress import Progress
    from ctaclient.transport.body import BodySource

# Answers that say "not this way": MOVE forbidden to this token, not allowed here, not implemented.
_MOVE_REFUSED = (403, 405, 501)


def upload(
    storage: Storage, local: Path, target: RemotePath, *, overwrite: bool, progress: Progress, clock: Clock
) -> TransferResult:
    """Put the file `local` to `target`.

    A target with the same size and checksum is "already there". Raises Exists when it differs and `overwrite` is not
    given, or when somebody else took the name meanwhile; IntegrityError, Changed, NoSpace, Forbidden, NetworkError kin.
    """
    begin = clock.monotonic()
    with local_errors(f"cannot read {local}"):
        source = FileSource(local)
        result = TransferResult(str(local), str(target), "done", source.size_bytes)
        existing = find(storage, target)
        if existing and (checksum := _common_checksum(storage, existing, local, source.size_bytes)):
            return replace(result, state="already there", checksum=checksum, verified="checksum")
        if existing:
            _check_replaceable(existing, overwrite=overwrite)
        try:
            result = _Publication(storage, source, target, overwrite, progress, clock).run(existing, result)
        finally:
            progress.finish()
    return replace(result, seconds=clock.monotonic() - begin)


def _common_checksum(storage: Storage, existing: Entry, local: Path, size_bytes: int) -> str | None:
    """The checksum that both have, or None: different, or not to be known. The same size alone proves nothing."""
    if existing.is_dir or existing.size_bytes != size_bytes:
        return None
    known = known_checksum(storage, existing)
    return ":".join(known) if known and file_checksum(local, known[0]) == known[1] else None


def _check_replaceable(existing: Entry, *, overwrite: bool) -> None:
    if existing.is_dir:
        raise Exists(f"{existing.path} is a directory", hint=f"name {existing.path}/ to put it in there")
    if not overwrite:
        raise Exists(
            f"{existing.path} exists and differs, or has no checksum to tell", hint="add --overwrite to replace it"
        )


@dataclass(frozen=True, slots=True)
class _Publication:
    storage: Storage
    source: BodySource
    target: RemotePath
    overwrite: bool
    progress: Progress
    clock: Clock

    def run(self, existing: Entry | None, result: TransferResult) -> TransferResult:
        left_behind = None
        if self.storage.capabilities.publish == "move":
            # Not .part: Nextcloud forbids that ending, and hides such files from its own HEAD and MOVE.
            temporary = self.target.parent.child(f".ctaclient-{secrets.token_hex(8)}.tmp")
            try:
                sent = self._send(temporary)
                if self._move_into_place(temporary, existing):
                    return _with(result, sent, published="move")
            except BaseException as error:
                self._clean_up(temporary, error)
                raise
            left_behind = self._clean_up(temporary, None)
            self.storage.publish_by_put()
        sent = self._put_in_place()
        return replace(_with(result, sent, published="put"), left_behind=left_behind)

    def _send(self, path: RemotePath, *, if_absent: bool = False) -> Sent:
        headers = {"If-None-Match": "*"} if if_absent else {}
        return send(self.storage, self.source, path, headers, self.progress, self.clock, label=self.target.name)

    def _put_in_place(self) -> Sent:
        if_absent = not self.overwrite and self.storage.capabilities.conditional_put
        try:
            return self._send(self.target, if_absent=if_absent)
        except CtaError as error:
            if error.status == 412:
                raise self._lost_race() from None
            error.message += f"; {self.target} may hold a part of it: put it again with --overwrite"
            raise

    def _move_into_place(self, temporary: RemotePath, existing: Entry | None) -> bool:
        """Give the temporary its name. False when MOVE cannot be used here at all."""
        there = find(self.storage, self.target) if existing else None
        if existing and there:
            # Only what was just seen to be a file is replaced: Apache's MOVE would replace a whole collection.
            _check_replaceable(there, overwrite=self.overwrite)
            if _version(there) != _version(existing):
                raise Changed(f"{self.target} was changed by somebody else during the upload", hint="look at it first")
        try:
            move(self.storage, temporary, self.target, overwrite=there is not None)
        except Exists:
            raise self._lost_race() from None
        except (Forbidden, ConflictError, ProtocolError) as error:
            if error.status in _MOVE_REFUSED:
                return False
            raise
        except NetworkError:
            if not self._has_arrived(temporary):
                raise
        return True

    def _has_arrived(self, temporary: RemotePath) -> bool:
        """Whether a MOVE whose answer was lost has been done."""
        if find(self.storage, temporary) is not None:
            return False
        there = find(self.storage, self.target)
        return there is not None and there.size_bytes == self.source.size_bytes

    def _clean_up(self, temporary: RemotePath, error: BaseException | None) -> str | None:
        """Delete our temporary; its path if that is not possible, which `error`, if any, then says too."""
        try:
            delete_known(self.storage, temporary)
        except NotFound:
            return None
        except CtaError as trouble:
            if isinstance(error, CtaError):
                error.message += f"; {temporary} was left behind ({trouble})"
            return str(temporary)
        return None

    def _lost_race(self) -> Exists:
        return Exists(f"{self.target} appeared during the upload", hint="add --overwrite to replace it", status=412)


def _version(entry: Entry) -> object:
    return opaque_tag(entry.etag) or (entry.size_bytes, entry.mtime)


def _with(result: TransferResult, sent: Sent, *, published: Literal["move", "put"]) -> TransferResult:
    return replace(result, checksum=f"adler32:{sent.adler32}", verified=sent.verified, published=published)
