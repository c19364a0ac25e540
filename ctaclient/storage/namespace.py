"""Changes that move no data: MKCOL and MOVE by webdav4, with segments quoted by us; DELETE by us.

webdav4's own `remove` deletes the root when it is handed `..` or nothing (storage.md 9.6).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ctaclient.errors import (
    ConflictError,
    CtaError,
    Exists,
    NotFound,
    ProtocolError,
    SomeItemsFailed,
    UsageError,
)
from ctaclient.storage.href import segments_of
from ctaclient.storage.listing import find, stat
from ctaclient.storage.multistatus import parse_multistatus
from ctaclient.transport.requests import ALWAYS
from ctaclient.transport.status import error_for_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctaclient.storage.path import RemotePath
    from ctaclient.storage.storage import Storage


def webdav4_client(storage: Storage, base_url: str | None = None) -> Any:
    """A `webdav4.client.Client` on our connections, tokens and redirects; `base_url` defaults to the origin.

    It does not quote names: `a%20b` and `a b` are one to it, `#` and `?` an error, `..` the parent.
    """
    from webdav4.client import Client
    from webdav4.http import Client as HttpClient

    # Redirects are followed below httpx, which would turn a PROPFIND into a GET.
    http = HttpClient(transport=storage.requests.session, follow_redirects=False, trust_env=False, headers=ALWAYS)
    return Client(base_url or str(storage.origin), http_client=http, retry=False)


def make_directory(storage: Storage, path: RemotePath, *, parents: bool = False) -> None:
    """MKCOL. With `parents` the missing ones are made, and an existing directory is fine, as with `mkdir -p`.

    Raises Exists when something is there (with `parents`: a file), NotFound for a missing parent.
    """
    if not path.segments:
        if not parents:
            raise Exists("/ exists")
        return
    try:
        with _mapped(f"cannot make the directory {path}"):
            webdav4_client(storage).mkdir(storage.quoted(path))
    except ConflictError as error:
        # 405: something is there, or MKCOL is refused altogether (RFC 4918 9.3.1); 409: no parent. Look, do not guess.
        there = find(storage, path)
        if there is None and error.status == 409:
            _make_below(storage, path, parents=parents, error=error)
        elif there is None:
            raise
        elif not (parents and there.is_dir):
            raise Exists(f"{path} exists and is a {there.kind}") from None
    except NotFound as error:
        _make_below(storage, path, parents=parents, error=error)


def _make_below(storage: Storage, path: RemotePath, *, parents: bool, error: CtaError) -> None:
    if not parents or not path.parent.segments:
        raise NotFound(
            f"cannot make {path}: {path.parent} does not exist", hint=f"ctaclient mkdir -p {path}"
        ) from error
    make_directory(storage, path.parent, parents=True)
    try:
        make_directory(storage, path)
    except Exists:
        if not stat(storage, path).is_dir:  # another process may have made it meanwhile, and that is fine
            raise


def move(storage: Storage, source: RemotePath, target: RemotePath, *, overwrite: bool) -> None:
    """MOVE with an explicit `Overwrite`: dCache takes a missing one for F, the RFC for T.

    Never call it with `overwrite` unless the target was just seen to be a file: Apache replaces whole collections.
    Raises Exists when the target is there (412).
    """
    with _mapped(f"cannot move {source} to {target}"):
        webdav4_client(storage).move(storage.quoted(source), storage.quoted(target), overwrite=overwrite)


def delete(storage: Storage, path: RemotePath, *, recursive: bool = False) -> None:
    """Delete a file or, with `recursive`, a directory and all that is in it.

    Looks first: a DELETE that was meant for a file never hits a directory. Raises NotFound, UsageError for a directory
    without `recursive` and for the root, SomeItemsFailed when the server could not delete all.
    """
    if not path.segments:
        raise UsageError("the root is not deleted", hint="name the directories in it")
    entry = stat(storage, path)
    if entry.is_dir and not recursive:
        raise UsageError(f"{path} is a directory", hint=f"ctaclient rm -r {path}")
    delete_known(storage, path, is_dir=entry.is_dir)


def delete_known(storage: Storage, path: RemotePath, *, is_dir: bool = False) -> None:
    """DELETE of something whose kind is known, as a temporary file of our own."""
    headers = {"Depth": "infinity"} if is_dir else None
    with storage.requests.send("DELETE", storage.url(path, directory=is_dir), headers) as answer:
        answer.raise_for_status(f"cannot delete {path}")
        if answer.status == 207:
            # RFC 4918 9.6.1: only what could not be deleted is listed.
            encoded = storage.capabilities.encoded_hrefs
            left = [resource for resource in parse_multistatus(answer.blocks()) if (resource.status or 0) >= 400]
            if left:
                first = "/" + "/".join(segments_of(left[0].href, encoded=encoded))
                raise SomeItemsFailed(f"{len(left)} things in {path} could not be deleted, the first is {first}")


@contextlib.contextmanager
def _mapped(doing: str) -> Iterator[None]:
    """webdav4's errors as ours."""
    from webdav4 import client as webdav4

    try:
        yield
    except webdav4.ResourceNotFound:
        raise NotFound(f"{doing}: 404 not found", status=404) from None
    except webdav4.InsufficientStorage:
        raise error_for_status(507, f"{doing}: 507 no space") from None
    except webdav4.ResourceAlreadyExists as error:
        status = _status_of(error)
        kind = Exists if status == 412 else ConflictError
        raise kind(
            f"{doing}: {status} something is there", hint="add --overwrite to replace a file", status=status
        ) from None
    except webdav4.ClientError as error:
        status = _status_of(error)
        if status is None:
            raise ProtocolError(f"{doing}: {error}") from None
        raise error_for_status(status, f"{doing}: {status}") from None


def _status_of(error: BaseException) -> int | None:
    cause: BaseException | None = error
    while cause is not None:
        status: int | None = getattr(cause, "status_code", None)
        if status is not None:
            return status
        cause = cause.__cause__
    return None
