"""Remote trees as items: nothing a server lists can land outside of the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctaclient.errors import Forbidden, ProtocolError
from ctaclient.storage.listing import stat
from ctaclient.storage.path import RemotePath
from ctaclient.transfer.tree import DownloadItem, remote_tree
from tests.unit.storage.conftest import Wire, a_storage, item, listing, response

TOP = RemotePath.parse("/top")
TARGET = Path("/somewhere/target")


def items(wire: Wire) -> list[DownloadItem]:
    storage = a_storage(wire)
    return list(remote_tree(storage, stat(storage, TOP), TARGET))


def test_each_below_the_target() -> None:
    tree = {
        "/top": listing(item("/top/"), item("/top/-rf", size=1), item("/top/d/")),
        "/top/d": listing(item("/top/d/"), item("/top/d/a%0A%24%28b%29", size=1)),
    }
    found = items(
        Wire(
            lambda request: (
                listing(item("/top/")) if request.headers["Depth"] == "0" else tree[request.url.path.rstrip("/")]
            )
        )
    )
    assert [str(each.local) for each in found] == [
        *("/somewhere/target", "/somewhere/target/-rf", "/somewhere/target/d", "/somewhere/target/d/a\n$(b)")
    ]
    assert not any(each.error for each in found)


@pytest.mark.parametrize("href", ["/top/..", "/top/../../etc", "/top/a%2F..%2F..%2Fb", "/etc/passwd", "/top/%2e%2e/x"])
def test_a_server_that_lies_stops_it(href: str) -> None:
    with pytest.raises(ProtocolError, match="refused"):
        items(
            Wire(
                lambda request: listing(
                    item("/top/"), *([item(href, size=1)] if request.headers["Depth"] == "1" else [])
                )
            )
        )


def test_a_directory_that_cannot_be_listed_is_one_failed_item() -> None:
    def answer(request):  # type: ignore[no-untyped-def]
        if request.url.path.startswith("/top/d"):
            return response(403)
        return listing(
            item("/top/"), *([item("/top/d/"), item("/top/z", size=1)] if request.headers["Depth"] == "1" else [])
        )

    found = items(Wire(answer))
    assert [(str(each.remote), type(each.error)) for each in found] == [
        *(("/top", type(None)), ("/top/d", type(None)), ("/top/z", type(None)), ("/top/d", Forbidden))
    ]
