"""WLCG bearer token discovery, with the profile's own login before the `bt_u` files.

Order: argument, `BEARER_TOKEN`, `BEARER_TOKEN_FILE`, the profile's store, `$XDG_RUNTIME_DIR/bt_u$UID`, `/tmp/bt_u$UID`.
A step without a token falls through to the next; one with something that is no token is an error, so that a typing
mistake never ends in somebody else's rights.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient._util.private import read_private
from ctaclient.tokens.link import linked_profile, well_known_name
from ctaclient.tokens.source import FileToken, FixedToken, TokenSource
from ctaclient.tokens.token import parse_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ctaclient._util.clock import Clock
    from ctaclient.tokens.store import TokenStore


def discover(
    environ: Mapping[str, str],
    *,
    argument: str | None,
    stored: Callable[[], TokenSource | None],
    store: TokenStore,
    storage_overridden: bool,
    clock: Clock,
) -> TokenSource | None:
    """The token source for the selected profile, or None when no step has a token.

    With `storage_overridden` only what the user handed over for this very run counts (argument, `BEARER_TOKEN`,
    `BEARER_TOKEN_FILE`): a stored token never goes where an environment variable points.
    """
    if source := from_caller(environ, argument, clock):
        return source
    if storage_overridden:
        return None
    return stored() or _from_well_known_file(environ, store, clock)


def from_caller(environ: Mapping[str, str], argument: str | None, clock: Clock) -> TokenSource | None:
    """A token that the caller handed over: argument, `BEARER_TOKEN`, `BEARER_TOKEN_FILE`."""
    for text, name in ((argument, "the token argument"), (environ.get("BEARER_TOKEN"), "BEARER_TOKEN")):
        if text and (token := parse_token(text, name)):
            return FixedToken(token, name, clock)
    if file := environ.get("BEARER_TOKEN_FILE"):
        path = Path(file)
        if path.is_fifo():  # `BEARER_TOKEN_FILE=<(command)`: it can be read once
            token = parse_token(path.read_bytes().decode("ascii", "replace"), file)
            return FixedToken(token, file, clock) if token else None
        if not _is_blank(path):
            return FileToken(path, Path.read_bytes, clock)
    return None


def _is_blank(path: Path) -> bool:
    """An empty file falls through (the rule says so); an unreadable one is an error, raised when it is used."""
    try:
        return not path.read_bytes().strip()
    except OSError:
        return False


def _from_well_known_file(environ: Mapping[str, str], store: TokenStore, clock: Clock) -> TokenSource | None:
    directories = [environ.get("XDG_RUNTIME_DIR"), "/tmp"]  # noqa: S108 - the name is the specification's
    for path in (Path(directory) / well_known_name() for directory in directories if directory):
        # Our own link is for other programs: to us it would be the token of a profile that was not asked for.
        if linked_profile(path, store):
            continue
        # /tmp is everybody's: a file of somebody else is not ours to use, and none of our trouble.
        if _is_ours(path) and parse_token(read_private(path).decode("ascii", "replace"), str(path)):
            return FileToken(path, read_private, clock)
    return None


def _is_ours(path: Path) -> bool:
    try:
        return os.lstat(path).st_uid == os.geteuid()
    except OSError:
        return False
