"""`Client`: where tokens, storage and transfers meet."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ctaclient._util.clock import SystemClock
from ctaclient._util.hint import command
from ctaclient._util.origin import Origin
from ctaclient.config.settings import Arguments
from ctaclient.errors import CtaError, NotFound, SomeItemsFailed, UsageError
from ctaclient.identity import Identity
from ctaclient.storage import listing, namespace
from ctaclient.storage.remote import Remote, parse_remote
from ctaclient.storage.storage import Storage
from ctaclient.tls import client_context
from ctaclient.transfer.local import local_errors
from ctaclient.transfer.progress import NoProgress, Progress
from ctaclient.transfer.result import Report
from ctaclient.transfer.runner import Runner
from ctaclient.transfer.targets import local_name, local_target, remote_target
from ctaclient.transfer.tree import DownloadItem, UploadItem, local_tree, remote_tree
from ctaclient.transport.access import Access
from ctaclient.transport.auth import BearerAuth
from ctaclient.transport.factory import new_session
from ctaclient.transport.proxy import Proxies
from ctaclient.transport.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ctaclient.config.settings import Settings
    from ctaclient.storage.entry import Entry
    from ctaclient.storage.path import RemotePath
    from ctaclient.tokens.source import TokenSource
    from ctaclient.tokens.token import AccessToken
    from ctaclient.transfer.result import TransferResult

PathLike = str | os.PathLike[str]


class Client:
    """Lists, gets and puts on the storage of a profile.

    Remote names are `/path` or `path` below the profile's storage URL, `cta://PROFILE/path`, or a full `https://` URL;
    they are taken as they are, never percent-decoded. All methods may raise AuthError and NetworkError kin. Safe to
    share between threads. Close it, or use it in a `with` block.
    """

    def __init__(
        self,
        profile: str | None = None,
        *,
        storage_url: str | None = None,
        token: str | None = None,
        ca_bundle: str | None = None,
        proxy: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Settings that are not given come from the environment, `config.toml`, and the built-in profiles.

        `token` is an access token; with `storage_url` it is the only one, with `BEARER_TOKEN(_FILE)`, that is used.
        `proxy` overrides `HTTPS_PROXY`. `environ` stands for the process's environment, except for the proxy variables
        and, without `CTACLIENT_HOME` in it, for where the home is. Nothing is sent yet.
        """
        self._clock = SystemClock()
        arguments = Arguments(profile=profile, storage_url=storage_url, ca_bundle=ca_bundle)
        self._identity = Identity(arguments, os.environ if environ is None else environ, self._clock, token=token)
        self._proxies = Proxies.single(proxy) if proxy else Proxies.of_environment()
        self._lock = threading.Lock()
        self._accesses: dict[str | None, Access] = {}
        self._requests: dict[str | None, Requests] = {}
        self._storages: dict[str, Storage] = {}

    @classmethod
    def from_env(cls) -> Self:
        """A client for whatever environment and `config.toml` select."""
        return cls()

    def ls(self, remote: str = "/", *, recursive: bool = False) -> list[Entry]:
        """The entries in a directory, sorted by path; or the one file that `remote` names.

        Raises NotFound; with `recursive` SomeItemsFailed when a directory below could not be listed.
        """
        failed: list[CtaError] = []
        entries = sorted(
            self.scan(remote, recursive=recursive, on_error=lambda _, error: failed.append(error)), key=_path
        )
        if failed:
            raise SomeItemsFailed(f"{len(failed)} directories could not be listed; the first: {failed[0]}")
        return entries

    def scan(
        self,
        remote: str = "/",
        *,
        recursive: bool = False,
        on_error: Callable[[RemotePath, CtaError], None] | None = None,
    ) -> Iterator[Entry]:
        """As `ls`, but in the server's order and as they arrive: memory does not grow with the listing.

        With `recursive` each directory's listing is read to its end before its entries are given.
        `on_error` hears of directories below that cannot be listed; without it the first such error is raised.
        """
        storage, name = self._locate(remote)
        if recursive:
            top = listing.stat(storage, name.path)
            yield from listing.walk(storage, top.path, on_error or _raise) if top.is_dir else [top]
            return
        for entry in listing.scan(storage, name.path):
            if not (entry.is_dir and entry.path == name.path):
                yield entry

    def stat(self, remote: str) -> Entry:
        """What the server knows of one file or directory. Raises NotFound."""
        storage, name = self._locate(remote)
        return listing.stat(storage, name.path)

    def exists(self, remote: str) -> bool:
        """Whether there is something called so."""
        storage, name = self._locate(remote)
        return listing.find(storage, name.path) is not None

    def mkdir(self, remote: str, *, parents: bool = False) -> None:
        """Make a directory; with `parents` as `mkdir -p`. Raises Exists, NotFound for a missing parent."""
        storage, name = self._locate(remote)
        namespace.make_directory(storage, name.path, parents=parents)

    def rm(self, remote: str, *, recursive: bool = False) -> None:
        """Delete a file or, with `recursive`, a directory with all that is in it. Raises NotFound, UsageError."""
        storage, name = self._locate(remote)
        namespace.delete(storage, name.path, recursive=recursive)

    def get(
        self,
        remote: str,
        local: PathLike = ".",
        *,
        recursive: bool = False,
        overwrite: bool = False,
        progress: Progress | None = None,
        on_result: Callable[[TransferResult], None] | None = None,
    ) -> Report:
        """Download a file or, with `recursive`, a tree.

        A `local` that ends in `/` or is a directory gets it under its own name. Each file is written beside its target,
        compared by size and checksum, then renamed; on failure the target is as it was. Raises what happened to a
        single file, TransferFailed (with `.report`) when items of a tree failed; the others are done.
        """
        if not os.fspath(local):
            raise UsageError("the name of the local file is empty", hint="is a variable not set?")
        storage, name = self._locate(remote)
        entry = listing.stat(storage, name.path)
        if entry.is_dir and not recursive:
            raise UsageError(
                f"{entry.path} is a directory", hint=command("ctaclient", "get", "-r", remote, os.fspath(local))
            )
        with local_errors(f"cannot write to {os.fspath(local)}"):
            target = local_target(os.fspath(local), entry.name)
        items = remote_tree(storage, entry, target) if entry.is_dir else [DownloadItem(entry.path, target, entry)]
        runner = Runner(storage, overwrite, progress or NoProgress(), self._clock)
        return _report(runner.download(items), on_result, single=not entry.is_dir)

    def put(
        self,
        local: PathLike,
        remote: str,
        *,
        recursive: bool = False,
        overwrite: bool = False,
        progress: Progress | None = None,
        on_result: Callable[[TransferResult], None] | None = None,
    ) -> Report:
        """Upload a file or, with `recursive`, a directory with all that is in it.

        A `remote` that ends in `/` or is a directory gets it under its own name; parents are made. Each file goes to a
        temporary sibling, is compared by size and checksum, then moved; where the server allows no MOVE it is put in
        place (`published` in the result says so). Raises as `get`.
        """
        if not os.fspath(local):
            raise UsageError("the name of the local file is empty", hint="is a variable not set?")
        source = Path(local)
        with local_errors(f"cannot read {source}"):
            is_dir = source.is_dir()
            if not is_dir and not source.exists():
                raise NotFound(f"{source} does not exist")
        if is_dir and not recursive:
            raise UsageError(
                f"{source} is a directory", hint=command("ctaclient", "put", "-r", os.fspath(local), remote)
            )
        storage, name = self._locate(remote)
        there = listing.find(storage, name.path)
        target = remote_target(
            name.path,
            local_name(os.fspath(local)),
            directory_form=name.directory_form,
            is_dir=there is not None and there.is_dir,
        )
        items = local_tree(source, target) if is_dir else [UploadItem(source, target)]
        runner = Runner(storage, overwrite, progress or NoProgress(), self._clock)
        return _report(runner.upload(items), on_result, single=not is_dir)

    def token(self, *, min_ttl_s: float = 0, scope: str | None = None, audience: str | None = None) -> AccessToken:
        """The access token of the selected profile, with at least `min_ttl_s` seconds to live. Raises LoginRequired.

        With `scope` (separated by spaces) or `audience` one that is good for that and nothing more, which the agent
        gets once and which is kept until it ends (RFC 6749 6, RFC 8707). Raises AgentError where no agent runs,
        IssuerError where the issuer gives no such token.
        """
        return self._identity.token(min_ttl_s=min_ttl_s, scope=scope, audience=audience)

    def auth(self) -> BearerAuth:
        """An `httpx.Auth` for the selected profile's storage: `httpx.get(url, auth=client.auth())`.

        Raises LoginRequired when there is no login.
        """
        storage, _ = self._locate("/")
        with self._lock:
            return BearerAuth(self._access_for(self._identity.settings, storage.origin))

    def webdav4_client(self) -> Any:
        """A `webdav4.client.Client` below the profile's storage URL, on this client's connections and live token.

        Its names are not quoted: see `storage.namespace.webdav4_client`.
        """
        storage, _ = self._locate("/")
        return namespace.webdav4_client(storage, storage.url(parse_remote("/").path))

    def close(self) -> None:
        """Close the connections. The client may be used again."""
        with self._lock:
            requests = list(self._requests.values())
            self._accesses.clear()
            self._requests.clear()
            self._storages.clear()
        for each in requests:
            each.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client: profile {self._identity.settings.name}>"

    def _locate(self, remote: str) -> tuple[Storage, Remote]:
        """The storage that `remote` is on, and its name there."""
        name = parse_remote(remote)
        if name.origin is None:
            settings = self._identity.of_profile(name.profile)
            return self._storage(self._identity.storage_url(settings), settings), name
        return self._storage(str(name.origin), self._identity.profile_at(name.origin)), name

    def _storage(self, url: str, settings: Settings | None) -> Storage:
        """One for each URL: it learns what its server can."""
        with self._lock:
            if url not in self._storages:
                self._storages[url] = Storage(url, self._requests_for(settings, Origin.of(url)))
            return self._storages[url]

    def _requests_for(self, settings: Settings | None, origin: Origin) -> Requests:
        """One session for each profile, which knows that profile's token only; strangers get a session without."""
        key = settings.name if settings else None
        if key not in self._requests:
            access = self._access_for(settings, origin)
            bundle = (settings or self._identity.settings).ca_bundle.value
            self._requests[key] = Requests(new_session(client_context(bundle), self._proxies, access, self._clock))
        return self._requests[key]

    def _access_for(self, settings: Settings | None, origin: Origin) -> Access:
        """One for each profile: a token that was refused to one of its users is not sent again by another."""
        key = settings.name if settings else None
        if key not in self._accesses:
            sources: dict[Origin, TokenSource] = {origin: self._identity.token_source(settings)} if settings else {}
            self._accesses[key] = Access(sources, self._clock)
        return self._accesses[key]


def _report(
    results: Iterator[TransferResult], on_result: Callable[[TransferResult], None] | None, *, single: bool
) -> Report:
    collected = []
    for result in results:
        collected.append(result)
        if single and result.error:
            raise result.error
        if on_result:
            on_result(result)
    return Report(collected).raise_for_errors()


def _raise(_: RemotePath, error: CtaError) -> None:
    raise error


def _path(entry: Entry) -> RemotePath:
    return entry.path
