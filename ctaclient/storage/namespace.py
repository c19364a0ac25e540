"""Changes that move no data: MKCOL, MOVE and DELETE, and webdav4 for those who want it.

They are requests of our own, not webdav4's: that asserts on a 204 to MKCOL, lets errors of httpx and ElementTree
escape, loses what the server says, and its `remove` deletes the root when handed `..` or nothing (storage.md 9.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctaclient._util.hint import command
from ctaclient.errors import Changed, CtaError, Exists, NotFound, ProtocolError, SomeItemsFailed, UsageError
from ctaclient.storage.href import segments_of
from ctaclient.storage.listing import find, scan, stat
from ctaclient.storage.multistatus import parse_multistatus
from ctaclient.transport.requests import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        _ask(storage, "MKCOL", path, {}, f"cannot make the directory {path}", directory=True)
    except NotFound as error:
        _make_below(storage, path, parents=parents, error=error)
    except CtaError as error:
        # 405: something is there, or MKCOL is refused altogether (RFC 4918 9.3.1); 409: no parent; 400: Apache's word
        # for `/f/` where `/f` is a file. Look, do not guess.
        if error.status not in (400, 405, 409, 412):
            raise
        there = find(storage, path)
        if there is None and error.status == 409:
            _make_below(storage, path, parents=parents, error=error)
        elif there is None:
            raise
        elif not (parents and there.is_dir):
            raise Exists(f"{path} exists and is a {there.kind}") from None


def _make_below(storage: Storage, path: RemotePath, *, parents: bool, error: CtaError) -> None:
    if not parents or not path.parent.segments:
        raise NotFound(
            f"cannot make {path}: {path.parent} does not exist", hint=command("ctaclient", "mkdir", "-p", path)
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
    headers = {"Destination": storage.url(target), "Overwrite": "T" if overwrite else "F"}
    try:
        _ask(storage, "MOVE", source, headers, f"cannot move {source} to {target}")
    except Changed as error:
        if error.status != 412:
            raise
        raise Exists(f"{target} exists", hint="add --overwrite to replace a file", status=412) from None


def delete(storage: Storage, path: RemotePath, *, recursive: bool = False) -> None:
    """Delete a file or, with `recursive`, a directory and all that is in it.

    Looks first: a DELETE that was meant for a file never hits a directory. Raises NotFound, UsageError for a directory
    without `recursive` and for the root, SomeItemsFailed when the server could not delete all.
    """
    if not path.segments:
        raise UsageError("the root is not deleted", hint="name the directories in it")
    entry = stat(storage, path)
    if entry.is_dir and not recursive:
        raise UsageError(f"{path} is a directory", hint=command("ctaclient", "rm", "-r", path))
    delete_known(storage, path, is_dir=entry.is_dir)


def delete_known(storage: Storage, path: RemotePath, *, is_dir: bool = False) -> None:
    """DELETE of something whose kind is known, as a temporary file of our own."""
    if is_dir and not storage.capabilities.recursive_delete:
        for entry in list(scan(storage, path, is_dir=True)):
            if entry.path != path:
                delete_known(storage, entry.path, is_dir=entry.is_dir)
    headers = {"Depth": "infinity"} if is_dir else {}
    _ask(storage, "DELETE", path, headers, f"cannot delete {path}", directory=is_dir)


def _ask(
    storage: Storage, method: str, path: RemotePath, headers: Mapping[str, str], doing: str, *, directory: bool = False
) -> None:
    """Send a request whose answer says only whether it was done. Raises what its status stands for."""
    with storage.requests.send(method, storage.url(path, directory=directory), headers) as answer:
        answer.raise_for_status(doing)
        if answer.status not in (200, 201, 202, 204, 207):
            raise ProtocolError(f"{doing}: unexpected answer {answer.status}", status=answer.status)
        if answer.status == 207:
            # RFC 4918 9.6.1, 9.9.3: a part of it failed, and only that is listed.
            encoded = storage.capabilities.encoded_hrefs
            left = [resource for resource in parse_multistatus(answer.blocks()) if (resource.status or 0) >= 400]
            if left:
                first = "/" + "/".join(segments_of(left[0].href, encoded=encoded))
                raise SomeItemsFailed(f"{doing}: {len(left)} things in it remain, the first is {first}")
