"""What a server can, as data. Callers ask for the capability, never for the vendor; each quirk has its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One server, as far as this client has to care.

    - `redirects_put`: answers `Expect: 100-continue` with a redirect to a data server, after minutes if need be
    - `publish`: `move` = upload to a temporary sibling, verify, MOVE; `put` = PUT to the final name
    - `conditional_put`: honours `If-None-Match: *`
    - `want_digest`: answers `Want-Digest` (RFC 3230) on HEAD
    - `digest_lags`: the digest of a new file may appear a moment after the PUT was answered
    - `recursive_delete`: DELETE of a directory takes what is in it along, as RFC 4918 9.6.1 asks
    - `encoded_hrefs`: hrefs in listings are percent-encoded, as RFC 4918 asks
    """

    kind: str = "unknown"
    redirects_put: bool = False
    publish: Literal["move", "put"] = "move"
    conditional_put: bool = True
    want_digest: bool = True
    digest_lags: bool = False
    recursive_delete: bool = True
    encoded_hrefs: bool = True


@dataclass(frozen=True, slots=True)
class Quirk:
    """What differs from the default for servers whose `Server` header starts with `server` (any case), and why."""

    server: str
    kind: str
    changes: dict[str, Any]
    reason: str


QUIRKS = (
    Quirk(
        "dcache",
        "dcache",
        {"redirects_put": True, "digest_lags": True},
        "door and pools: 307 only on Expect (storage.md 1.5); a checksum comes after the 201 (dCache #7467)",
    ),
    Quirk(
        "xrootd",
        "xrootd",
        {
            "redirects_put": True,
            "publish": "put",
            "conditional_put": False,
            "recursive_delete": False,
            "encoded_hrefs": False,
        },
        "MOVE ignores Overwrite, decodes no Destination; PUT ignores conditions; DELETE takes empty directories; "
        "hrefs are raw (xrootd.md 5, 11, 12)",
    ),
    Quirk("apache", "apache", {"want_digest": False}, "mod_dav has no checksums (storage.md 2.4)"),
    Quirk("nginx", "nginx", {"want_digest": False}, "no checksums (storage.md 2.4)"),
)


def capabilities_of(server: str) -> Capabilities:
    """The record for a server that calls itself `server` in its `Server` header."""
    for quirk in QUIRKS:
        if server.lower().startswith(quirk.server):
            return replace(Capabilities(kind=quirk.kind), **quirk.changes)
    return Capabilities()
