"""Where a redirect leads and what may go along: pure rules (storage.md 9.1, 11.1-9)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit

from ctaclient._util.origin import Origin
from ctaclient._util.redact import safe_url
from ctaclient.errors import ProtocolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

STATUSES = frozenset({301, 302, 303, 307, 308})
MAX_HOPS = 6
MAX_URL_LENGTH = 16_000  # above what any server accepts; httpx refuses 65536
# All that a data server needs. Any other `Content-*` makes a dCache pool answer 501 (storage.md 1.6); a token, a cookie
# or `Expect` is the door's business.
_FOR_DATA_SERVERS = frozenset(
    {"accept", "accept-encoding", "content-length", "content-md5", "depth", "range", "user-agent", "want-digest"}
)
# RFC 3986 reserved and unreserved characters, and the escape itself: what a Location may hold as it is.
_KEPT = "!#$%&'()*+,/:;=?@[]~-._"


def next_hop(here: str, status: int, location: str | None, hops: int, *, raw_names: bool = False) -> str:
    """The URL to go to from `here` after the answer `status` with its `Location`; `hops` were made already.

    Method and body stay as they were, whatever the status: a PUT or PROPFIND never becomes a GET. Raises ProtocolError
    for a missing or unusable Location, a step from https to anything else, and too many steps.

    With `raw_names` the server does not escape names in a Location (XRootD before 5.8, xrootd.md 10): `%20` in one may
    be a space or three characters of a name. Then the path is the one that was asked for, and must be.
    """
    if not location:
        raise ProtocolError(f"{safe_url(here)} answered {status} without saying where to go", status=status)
    if raw_names:
        location = _with_path_of(here, location, status)
    # A raw space or letter must not end the request line.
    try:
        url = urljoin(here, quote(location, safe=_KEPT)).partition("#")[0]
        target = Origin.of(url)
        if len(url) > MAX_URL_LENGTH:
            raise UsageError("too long")
    except (UsageError, ValueError):
        raise ProtocolError(f"{safe_url(here)} redirects to something that is no https URL", status=status) from None
    if target.scheme != "https" or "@" in url.split("/", 3)[2]:
        raise ProtocolError(
            f"{safe_url(here)} redirects to {safe_url(url)}, which is not protected by TLS",
            hint="ask those who run the storage to redirect to https (dCache: webdav.redirect.allow-https)",
            status=status,
        )
    if hops >= MAX_HOPS:
        raise ProtocolError(f"{safe_url(here)} redirects again and again", status=status)
    return url


def _with_path_of(here: str, location: str, status: int) -> str:
    """`location` with the escaped path of `here`, if it names the same thing without escapes."""
    asked = urlsplit(here).path
    scheme, separator, rest = location.partition("://")
    authority, _, tail = rest.partition("/")
    path = "/" + tail.lstrip("/")  # COPY has a second slash there (xrootd.md, redirector)
    if separator and not any(mark in authority for mark in "?#"):
        for name in (unquote(asked), asked):
            after = path.removeprefix(name)
            if path.startswith(name) and (not after or after[0] in "?&"):
                return f"{scheme}://{authority}{asked}{after}"
    raise ProtocolError(f"{safe_url(here)} redirects to something else than was asked for", status=status)


def headers_for_data_server(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that may go to another origin."""
    return [(name, value) for name, value in headers if name.lower() in _FOR_DATA_SERVERS]
