"""The Location that sends a client to the pool (storage.md 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from ctaclient.sandbox.door.visit import Backend
    from ctaclient.sandbox.namespace.transfer import Transfer


def redirect_to_pool(backend: Backend, transfer: Transfer) -> str:
    """Promise the transfer; the URL carries its one-use id."""
    one_use_id = backend.transfers.open(transfer)
    reference = quote(backend.door_url + "/", safe="")
    return f"{backend.pool_url}{transfer.path}?dcache-http-uuid={one_use_id}&dcache-http-ref={reference}"
