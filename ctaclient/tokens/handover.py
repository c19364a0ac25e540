"""Handing a token over to another program: as a file, which stays fresh, and in the environment only if it came so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ctaclient.tokens.source import TokenSource
    from ctaclient.tokens.token import AccessToken

# XRootD's client refuses a larger token file (XrdSecProtocolztn.cc).
XROOTD_LIMIT_BYTES = 4096


def token_file(source: TokenSource) -> Path:
    """The file that another program may read. Raises UsageError for a token that lies in none."""
    if source.file is None:
        raise UsageError(f"the token from {source.description} lies in no file", hint="ctaclient token prints it")
    return source.file


def environment_with(source: TokenSource, environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for a program that shall find the tokens of `source` by WLCG bearer token discovery.

    `BEARER_TOKEN_FILE` names the file; `BEARER_TOKEN`, which would win over it and goes stale, is left out. A token
    that was in `BEARER_TOKEN` when we came stays there: whoever put it there wants it used. Raises UsageError as
    `token_file`.
    """
    if source.file is None and source.description == "BEARER_TOKEN":
        return dict(environ)
    others = {name: value for name, value in environ.items() if name != "BEARER_TOKEN"}
    return {**others, "BEARER_TOKEN_FILE": str(token_file(source))}


def caution(token: AccessToken) -> str | None:
    """What the user of other programs should know about `token`, or None."""
    size_bytes = len(token.value)
    if size_bytes <= XROOTD_LIMIT_BYTES:
        return None
    return f"the token has {size_bytes} bytes, and xrdcp reads no token file above {XROOTD_LIMIT_BYTES}"
