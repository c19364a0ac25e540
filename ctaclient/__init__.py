"""List, get and put data on token-protected WebDAV storage.

`start-agent` once per machine, then::

    import ctaclient

    for entry in ctaclient.ls("/data"):
        print(entry.name, entry.size_bytes)
    ctaclient.get("/data/run1.fits", ".")
    ctaclient.put("result.fits", "/data/")

The names below are the public ones. They are loaded when they are used: importing this package reads nothing, writes
nothing and configures nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctaclient.client import Client
    from ctaclient.errors import (
        AgentError,
        AuthError,
        Changed,
        ConfigError,
        ConflictError,
        ConnectError,
        CtaError,
        Disconnected,
        Exists,
        Forbidden,
        IntegrityError,
        Interrupted,
        IssuerError,
        LoginRequired,
        Nearline,
        NetworkError,
        NoSpace,
        NotFound,
        ProtocolError,
        ServerError,
        SomeItemsFailed,
        Timeout,
        TlsError,
        TokenRejected,
        UnsafePath,
        UsageError,
    )
    from ctaclient.shortcuts import auth, exists, get, ls, mkdir, put, rm, scan, stat, token, webdav4_client
    from ctaclient.storage.entry import Entry
    from ctaclient.storage.path import RemotePath
    from ctaclient.tokens.token import AccessToken
    from ctaclient.transfer.result import Report, TransferFailed, TransferResult

__version__ = "0.1.0"

__all__ = [
    "AccessToken",
    "AgentError",
    "AuthError",
    "Changed",
    "Client",
    "ConfigError",
    "ConflictError",
    "ConnectError",
    "CtaError",
    "Disconnected",
    "Entry",
    "Exists",
    "Forbidden",
    "IntegrityError",
    "Interrupted",
    "IssuerError",
    "LoginRequired",
    "Nearline",
    "NetworkError",
    "NoSpace",
    "NotFound",
    "ProtocolError",
    "RemotePath",
    "Report",
    "ServerError",
    "SomeItemsFailed",
    "Timeout",
    "TlsError",
    "TokenRejected",
    "TransferFailed",
    "TransferResult",
    "UnsafePath",
    "UsageError",
    "auth",
    "exists",
    "get",
    "ls",
    "mkdir",
    "put",
    "rm",
    "scan",
    "stat",
    "token",
    "webdav4_client",
]

_HOMES = {
    "AccessToken": "tokens.token",
    "Client": "client",
    "Entry": "storage.entry",
    "RemotePath": "storage.path",
    **dict.fromkeys(("Report", "TransferFailed", "TransferResult"), "transfer.result"),
    **dict.fromkeys((name for name in __all__ if name.islower() or name == "webdav4_client"), "shortcuts"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ctaclient' has no attribute {name!r}")
    value = getattr(import_module(f"ctaclient.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
