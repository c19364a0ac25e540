"""The functions of `import ctaclient`: one client for the whole process, made when it is first needed."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from ctaclient.client import Client, PathLike
from ctaclient.config.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_default: tuple[tuple[object, ...], Client] | None = None


def default_client() -> Client:
    """The process's client; a new one after the environment or `config.toml` has changed."""
    global _default
    modified = None
    with contextlib.suppress(OSError):
        modified = os.stat(Paths.of(os.environ).config_file).st_mtime_ns
    situation = (modified, *(os.environ.get(name) for name in _VARIABLES))
    with _lock:
        if _default is None or _default[0] != situation:
            if _default:
                _default[1].close()
            _default = situation, Client.from_env()
        return _default[1]


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
    """`Client.token` of the default client."""
    return default_client().token(min_ttl_s=min_ttl_s, scope=scope, audience=audience)


def auth() -> BearerAuth:
    """`Client.auth` of the default client."""
    return default_client().auth()


def webdav4_client() -> Any:
    """`Client.webdav4_client` of the default client."""
    return default_client().webdav4_client()
