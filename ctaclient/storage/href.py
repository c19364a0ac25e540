"""From an href back to a path. Servers send them absolute or not, escaped or raw, and may lie."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from ctaclient._util.redact import printable
from ctaclient.errors import ProtocolError

# What RFC 3986 lets stand in a path, and what nginx leaves as it is although it escapes the rest (storage.md 3.6).
# Anything else was never escaped: XRootD does not (xrootd.md 11).
_ESCAPED = re.compile(r"""(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/"<>[\\\]^`{|}]|%[0-9A-Fa-f]{2})*""")


def segments_of(href: str, *, encoded: bool) -> tuple[str, ...]:
    """The path segments that `href` names, decoded where the server escapes (`encoded`).

    Raises ProtocolError for segments that cannot be names: `..`, an escaped slash, NUL. They would write outside of the
    target directory, or delete the wrong one.
    """
    path = _without_authority(href)
    raw = [segment for segment in path.split("/") if segment]
    if encoded and _ESCAPED.fullmatch(path):
        raw = [unquote_to_bytes(segment).decode("utf-8", "surrogateescape") for segment in raw]
    for segment in raw:
        if segment in (".", "..") or "/" in segment or "\0" in segment:
            raise ProtocolError(f"the server lists something called {printable(segment, limit=80)!r}, which is refused")
    return tuple(raw)


def _without_authority(href: str) -> str:
    """The path of an absolute URL: its host may be another behind a load balancer, only the path counts."""
    match = re.match(r"(?i)https?://[^/]*", href)
    return href[match.end() :] if match else href
