"""What the servers are known to do differently: the one place where the conformance tests look it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.storage_server import StorageServer


@dataclass(frozen=True, slots=True)
class Difference:
    """`server` has the trait `trait`, the others have not; `reason` says where it comes from."""

    server: str
    trait: str
    reason: str


DIFFERENCES = (
    Difference(
        "apache",
        "no checksums",
        "mod_dav stores none (storage.md 2.4): sizes are compared, and what exists is never 'already there'",
    ),
    Difference(
        "apache",
        "400 below a file",
        "mod_dav_fs finds 'extraneous path components' in /file/x and answers 400, not 404 (dav_fs_get_resource)",
    ),
    Difference("apache", "no .DAV", "mod_dav_fs keeps its own state in directories called .DAV, and answers 403"),
)


def has(server: StorageServer, trait: str) -> bool:
    """Whether `server` has the trait. Raises KeyError for one that is not in the table."""
    servers = {difference.server for difference in DIFFERENCES if difference.trait == trait}
    if not servers:
        raise KeyError(trait)
    return server.name in servers
