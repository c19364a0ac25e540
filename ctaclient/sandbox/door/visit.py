"""What each method of the door works with: the storage behind it, and one authorised request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctaclient.sandbox.door.rights import Rights
    from ctaclient.sandbox.namespace.digest import DigestCache
    from ctaclient.sandbox.namespace.locality import Localities
    from ctaclient.sandbox.namespace.path import Path
    from ctaclient.sandbox.namespace.transfer import TransferBook
    from ctaclient.sandbox.namespace.tree import Tree
    from ctaclient.sandbox.options import Options
    from ctaclient.sandbox.serving.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Backend:
    """Shared by all requests."""

    tree: Tree
    digests: DigestCache
    localities: Localities
    transfers: TransferBook
    options: Options
    door_url: str
    pool_url: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One request whose token is good; `rights` say for what."""

    exchange: Exchange
    path: Path
    rights: Rights
