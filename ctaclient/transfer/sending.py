"""PUT to one name, and proof that what arrived is what was sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ctaclient.errors import IntegrityError, ProtocolError
from ctaclient.storage.checksums import parse_digest_header
from ctaclient.storage.listing import find, stat
from ctaclient.storage.namespace import make_directory
from ctaclient.transfer.checksum import Adler32
from ctaclient.transfer.remote_digest import WANT_DIGEST, Head, head
from ctaclient.transport.body import SourceStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient._util.clock import Clock
    from ctaclient.storage.path import RemotePath
    from ctaclient.storage.storage import Storage
    from ctaclient.transfer.progress import Progress
    from ctaclient.transport.body import BodySource
    from ctaclient.transport.requests import Answer

# A dCache door needs minutes to choose a pool; a client that starts sending before that gets proxied (storage.md 1.5).
_REDIRECT_WAIT_S = 180.0
# Elsewhere Expect only saves sending a body that will be refused: not worth a wait for small ones.
_EXPECT_FROM_BYTES = 64 * 1024
_EXPECT_WAIT_S = 1.0
_DIGEST_WAITS_S = (0.2, 1.0)


@dataclass(frozen=True, slots=True)
class Sent:
    """The adler32 of what was sent (hex), and what of it the server confirmed."""

    adler32: str
    verified: Literal["checksum", "size"]


class _Answered:
    """Status, digest and byte count of the answer to a PUT."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.adler32 = parse_digest_header(answer.header("Digest")).get("adler32")
        # A dCache pool ends a PUT with `N bytes uploaded`: a free check (storage.md 1.6).
        count = re.match(r"(\d+) bytes uploaded", answer.text(limit=200))
        self.size_bytes = int(count[1]) if count else None


def send(
    storage: Storage,
    source: BodySource,
    path: RemotePath,
    headers: Mapping[str, str],
    progress: Progress,
    clock: Clock,
    *,
    label: str,
) -> Sent:
    """PUT `source` to `path` and compare size and checksum with what the server says of it.

    `label` is what `progress` calls it.
    Missing parents are made (Apache answers 409 then, others make them by themselves). Raises IntegrityError when the
    server has something else, Changed when the source changed meanwhile, what a status stands for otherwise; in all
    these cases something may have stayed at `path`.
    """
    adler32 = Adler32()

    def restart() -> None:
        adler32.reset()
        progress.start(label, source.size_bytes)

    def seen(block: bytes) -> None:
        adler32.update(block)
        progress.advance(len(block))

    stream = SourceStream(source, restart=restart, seen=seen)
    answered = _put(storage, path, stream, source.size_bytes, headers, parents_made=False)
    source.check_unchanged()
    sent = adler32.hexdigest()
    return Sent(sent, _verify(storage, path, source.size_bytes, sent, answered, clock))


def _put(
    storage: Storage,
    path: RemotePath,
    stream: SourceStream,
    size_bytes: int,
    headers: Mapping[str, str],
    *,
    parents_made: bool,
) -> _Answered:
    own = {**WANT_DIGEST, **headers} if storage.capabilities.want_digest else dict(headers)
    wait_s = _expect_wait(storage, size_bytes)
    url = storage.url(path)
    with storage.requests.send("PUT", url, own, body=stream, size_bytes=size_bytes, expect_wait_s=wait_s) as answer:
        if parents_made or not _lacks_parent(storage, path, answer.status):
            answer.raise_for_status(f"cannot put {path}")
            if answer.status not in (200, 201, 204):
                raise ProtocolError(f"cannot put {path}: unexpected answer {answer.status}", status=answer.status)
            return _Answered(answer)
    make_directory(storage, path.parent, parents=True)
    return _put(storage, path, stream, size_bytes, headers, parents_made=True)


def _lacks_parent(storage: Storage, path: RemotePath, status: int) -> bool:
    """Whether a PUT was refused for want of the directory: 409 at Apache, 404 elsewhere, 500 at nginx."""
    if status == 500:
        return bool(path.parent.segments) and find(storage, path.parent) is None
    return status in (404, 409) and bool(path.parent.segments)


def _expect_wait(storage: Storage, size_bytes: int) -> float | None:
    """Seconds to wait for leave to send, None to send at once. An empty body never asks: XRootD would hang."""
    if size_bytes == 0:
        return None
    if storage.capabilities.redirects_put:
        return _REDIRECT_WAIT_S
    return _EXPECT_WAIT_S if size_bytes >= _EXPECT_FROM_BYTES else None


def _verify(
    storage: Storage, path: RemotePath, size_bytes: int, adler32: str, answered: _Answered, clock: Clock
) -> Literal["checksum", "size"]:
    if answered.size_bytes is not None and answered.size_bytes != size_bytes:
        raise IntegrityError(f"{path}: sent {size_bytes} bytes, the server counted {answered.size_bytes}")
    stored = answered.adler32
    if stored is None:
        seen = _look(storage, path, clock)
        stored_bytes = stat(storage, path).size_bytes if seen.size_bytes is None else seen.size_bytes
        if stored_bytes != size_bytes:
            raise IntegrityError(f"{path}: sent {size_bytes} bytes, the server has {stored_bytes}")
        stored = seen.checksums.get("adler32")
    if stored is None:
        return "size"
    if stored != adler32:
        raise IntegrityError(f"{path}: sent adler32 {adler32}, the server has {stored}", hint="put it again")
    return "checksum"


def _look(storage: Storage, path: RemotePath, clock: Clock) -> Head:
    seen = head(storage, path)
    for wait_s in _DIGEST_WAITS_S if storage.capabilities.digest_lags else ():
        if seen.checksums:
            break
        clock.sleep(wait_s)
        seen = head(storage, path)
    return seen
