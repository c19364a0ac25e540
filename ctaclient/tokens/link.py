"""The link by which programs that know only WLCG's default place find a token: `$XDG_RUNTIME_DIR/bt_u$UID`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient._util.hint import command
from ctaclient._util.private import check_private
from ctaclient.errors import ConfigError, Exists

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient.tokens.store import TokenStore

_WITHOUT_LINK = 'export BEARER_TOKEN_FILE="$(ctaclient token --format file)"'


def well_known_name() -> str:
    """The file name in the WLCG rules."""
    return f"bt_u{os.geteuid()}"


def link_path(environ: Mapping[str, str]) -> Path | None:
    """Where the link belongs in this session, or None where there is no directory for it."""
    directory = environ.get("XDG_RUNTIME_DIR")
    return Path(directory) / well_known_name() if directory and os.path.isabs(directory) else None


def linked_profile(path: Path, store: TokenStore) -> str | None:
    """The profile whose token file in `store` the link `path` names; None for anything else, and for nothing.

    It may name one that is gone: the link is ours all the same.
    """
    try:
        target = path.parent / os.readlink(path)
    except OSError:  # nothing, or no link
        return None
    profile = target.parent.name
    # A home may have several names; and realpath, unlike Path.resolve, raises nothing for links in a circle.
    named = target.name == store.token_file(profile).name
    in_store = named and os.path.realpath(target.parent.parent) == os.path.realpath(store.directory)
    return profile if in_store else None


def make_link(environ: Mapping[str, str], store: TokenStore, profile: str) -> Path:
    """Let the link lead to the token file of `profile`; its path. One of ours is replaced, nothing else.

    Raises ConfigError without a runtime directory, UnsafePath for one that is not the user's alone, Exists when
    something of another program is there.
    """
    path = link_path(environ)
    if path is None:
        raise ConfigError(
            "XDG_RUNTIME_DIR is not set, so there is no place for a link",
            hint=_WITHOUT_LINK,
        )
    try:
        info = os.stat(path.parent)
    except OSError as error:
        raise ConfigError(
            f"XDG_RUNTIME_DIR names {path.parent}, which cannot be used: {error.strerror}", hint=_WITHOUT_LINK
        ) from None
    check_private(path.parent, info, directory=True)
    if linked_profile(path, store) != profile:
        remove_link(path, store)
        try:
            os.symlink(store.token_file(profile), path)  # never over anything: it fails where something is
        except FileExistsError:
            raise _not_ours(path) from None
    return path


def remove_link(path: Path, store: TokenStore) -> bool:
    """Remove the link if it is ours; whether there was one. Raises Exists when it is something else."""
    if linked_profile(path, store) is not None:
        path.unlink()
        return True
    if os.path.lexists(path):
        raise _not_ours(path)
    return False


def _not_ours(path: Path) -> Exists:
    return Exists(f"{path} is of another program and stays as it is", hint=command("ls", "-l", path))
