"""Any name a file system takes goes there and back, byte for byte."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_to_bytes

from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from ctaclient.sandbox import Sandbox
    from tests.sandbox.conftest import Wire

_RAW = st.binary(min_size=1, max_size=80).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"_"))
_TEXT = st.text(min_size=1, max_size=30).map(
    lambda text: text.replace("/", "_").replace("\0", "_").encode("utf-8", "surrogatepass")
)
NAMES = (_RAW | _TEXT).filter(lambda name: name not in (b".", b".."))


@settings(max_examples=200, deadline=None, database=None)
@given(name=NAMES)
def test_round_trip(box: Sandbox, wire: Wire, name: bytes) -> None:
    url = "/names/" + quote_from_bytes(name, safe="")
    assert wire.door("PUT", url, body=name).status == 201
    root = os.fsencode(box.storage_root / "names")
    assert os.listdir(root) == [name]
    connection = wire.connect(box.storage_url)
    listed = list(wire.door("PROPFIND", "/names", {"Depth": "1"}, connection=connection).responses())
    assert [unquote_to_bytes(href) for href in listed] == [b"/names/", b"/names/" + name]
    location = wire.door("GET", url, connection=connection).headers["location"]
    assert wire.ask("GET", location).body == name
    assert wire.door("DELETE", url, connection=connection).status == 204
    connection.close()
    assert os.listdir(root) == []
