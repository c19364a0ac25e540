"""The functions of `import ctaclient`: one client for the whole process, made when it is first needed."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctaclient._util.clock import SystemClock
from ctaclient.config.paths import Paths
from ctaclient.config.settings import Arguments
from ctaclient.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctaclient.client import Client, PathLike
    from ctaclient.storage.entry import Entry
    from ctaclient.tokens.token import AccessToken
    from ctaclient.transfer.result import Report
    from ctaclient.transport.auth import BearerAuth

_VARIABLES = (
    *("CTACLIENT_PROFILE", "CTACLIENT_STORAGE_URL", "CTACLIENT_CA_BUNDLE", "CTACLIENT_HOME"),
    *("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"),
    *("BEARER_TOKEN", "BEARER_TOKEN_FILE"),
    *("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"),
)
_lock = threading.Lock()
_default: _Default | None = None


@dataclass(slots=True)
class _Default:
    """Who acts, what that was made from, and the client once somebody wants more than a token."""

    variables: tuple[str | None, ...]
    config_file: str
    config_modified_ns: int | None
    identity: Identity
    client: Client | None = None


def default_client() -> Client:
    """The process's client; a new one after the environment or `config.toml` has changed."""
    with _lock:
        default = _current()
        if default.client is None:
            from ctaclient.client import Client  # with the whole HTTP stack, which a token does not need

            default.client = Client.from_env()
        return default.client


def _current() -> _Default:
    """The default for the environment and `config.toml` as they are now. Needs the lock."""
    global _default
    variables = tuple(map(os.environ.get, _VARIABLES))
    if _default is not None:
        # The same variables mean the same file: no paths are made for each token that a notebook asks for.
        if _default.variables == variables and _default.config_modified_ns == _modified_ns(_default.config_file):
            return _default
        if _default.client is not None:
            _default.client.close()
        _default = None
    config_file = str(Paths.of(os.environ).config_file)
    modified_ns = _modified_ns(config_file)
    _default = _Default(variables, config_file, modified_ns, Identity(Arguments(), os.environ, SystemClock()))
    return _default


def _modified_ns(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def ls(remote: str = "/", *, recursive: bool = False) -> list[Entry]:
    """`Client.ls` of the default client."""
    return default_client().ls(remote, recursive=recursive)


def scan(remote: str = "/", *, recursive: bool = False) -> Iterator[Entry]:
    """`Client.scan` of the default client."""
    return default_client().scan(remote, recursive=recursive)


def stat(remote: str) -> Entry:
    """`Client.stat` of the default client."""
    return default_client().stat(remote)


def exists(remote: str) -> bool:
    """`Client.exists` of the default client."""
    return default_client().exists(remote)


def mkdir(remote: str, *, parents: bool = False) -> None:
    """`Client.mkdir` of the default client."""
    default_client().mkdir(remote, parents=parents)


def rm(remote: str, *, recursive: bool = False) -> None:
    """`Client.rm` of the default client."""
    default_client().rm(remote, recursive=recursive)


def get(remote: str, local: PathLike = ".", *, recursive: bool = False, overwrite: bool = False) -> Report:
    """`Client.get` of the default client."""
    return default_client().get(remote, local, recursive=recursive, overwrite=overwrite)


def put(local: PathLike, remote: str, *, recursive: bool = False, overwrite: bool = False) -> Report:
    """`Client.put` of the default client."""
    return default_client().put(local, remote, recursive=recursive, overwrite=overwrite)


def token(*, min_ttl_s: float = 0, scope: str | None = None, audience: str | None = None) -> AccessToken:
    """`Client.token` of the default client, without anything for HTTP."""
    with _lock:
        identity = _current().identity
    return identity.token(min_ttl_s=min_ttl_s, scope=scope, audience=audience)


def auth() -> BearerAuth:
    """`Client.auth` of the default client."""
    return default_client().auth()


def webdav4_client() -> Any:
    """`Client.webdav4_client` of the default client."""
    return default_client().webdav4_client()
