"""The forms in which a user names a remote thing (`REMOTE`), split by hand: urlsplit eats `#` and `?`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctaclient._util.origin import Origin
from ctaclient.config.profiles import check_profile_name
from ctaclient.errors import UsageError
from ctaclient.storage.path import RemotePath

_SCHEMES = ("https", "davs")


@dataclass(frozen=True, slots=True)
class Remote:
    """A path below the storage URL of `profile` (None: the selected one), or on the server `origin`.

    `directory_form` tells that it was written with a slash at the end.
    """

    path: RemotePath
    profile: str | None = None
    origin: Origin | None = None
    directory_form: bool = False


def parse_remote(text: str) -> Remote:
    """`path` = `/path`; `cta://PROFILE/path`, `cta:///path`; `https://host/path`, `davs://host/path`.

    The path is taken as it is written. Raises UsageError.
    """
    if not text:
        raise UsageError("the remote name is empty", hint="is a variable not set? / is the top directory")
    scheme, separator, rest = text.partition("://")
    if (mistyped := re.match(r"(cta|https?|davs?):", text)) and not separator:
        raise UsageError(
            f"{mistyped[1]}: lacks its two slashes", hint=f"{mistyped[1]}://…, or /{mistyped[0]}… for a name"
        )
    if not separator or "/" in scheme:
        return Remote(RemotePath.parse(text), directory_form=_is_directory_form(text))
    authority, _, path = rest.partition("/")
    directory_form = _is_directory_form(path)
    if scheme.lower() == "cta":
        profile = check_profile_name(authority) if authority else None
        return Remote(RemotePath.parse(path), profile=profile, directory_form=directory_form)
    if scheme.lower() in _SCHEMES:
        if "@" in authority:
            raise UsageError("a user name in a URL is not used here", hint="ctaclient start-agent logs you in")
        return Remote(RemotePath.parse(path), origin=Origin.of(f"https://{authority}"), directory_form=directory_form)
    raise UsageError(f"{scheme}:// is not understood", hint="use /path, cta://PROFILE/path or https://host/path")


def _is_directory_form(text: str) -> bool:
    return text == "" or text.endswith("/")
