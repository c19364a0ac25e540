"""One endpoint: URLs below its base, and what its server can."""

from __future__ import annotations

import pytest

from ctaclient.errors import ConfigError, CtaError
from ctaclient.storage.path import RemotePath
from tests.unit.storage.conftest import Wire, a_storage, response

QUIET = Wire(lambda _: response(200, Server="XrootD/v5.5"))
A = RemotePath.parse("/a b")


@pytest.mark.parametrize(
    ("url", "of_root", "of_a"),
    [
        ("https://door:2880", "https://door:2880/", "https://door:2880/a%20b"),
        ("https://door:443/", "https://door/", "https://door/a%20b"),
        ("davs://door/x/", "https://door/x", "https://door/x/a%20b"),
        ("https://door/x%20y/z", "https://door/x%20y/z", "https://door/x%20y/z/a%20b"),
        ("https://door/x y", "https://door/x%20y", "https://door/x%20y/a%20b"),
        ("https://door/x?y#z", "https://door/x", "https://door/x/a%20b"),
    ],
)
def test_urls(url: str, of_root: str, of_a: str) -> None:
    storage = a_storage(QUIET, url)
    assert storage.url(RemotePath()) == of_root
    assert storage.url(A) == of_a
    assert storage.url(A, directory=True) == of_a + "/"
    assert storage.url(RemotePath(), directory=True) == of_root.removesuffix("/") + "/"


@pytest.mark.parametrize(
    "url", ["http://door", "dav://door", "ftp://door", "door", "https://door/../x", "https://door/%2e%2e"]
)
def test_what_is_no_storage(url: str) -> None:
    with pytest.raises(CtaError):
        a_storage(QUIET, url)


def test_http_says_why() -> None:
    with pytest.raises(ConfigError, match="is not https"):
        a_storage(QUIET, "http://door")


def test_the_server_is_asked_once() -> None:
    wire = Wire(lambda _: response(200, Server="XrootD/v5.5"))
    storage = a_storage(wire)
    assert storage.capabilities.kind == "xrootd"
    assert storage.capabilities.publish == "put"
    assert wire.lines == ["OPTIONS /"]


def test_where_move_does_not_work_is_remembered() -> None:
    storage = a_storage(Wire(lambda _: response(200, Server="dCache/9")))
    before = storage.capabilities
    storage.publish_by_put()
    assert (before.publish, storage.capabilities.publish) == ("move", "put")
    assert storage.capabilities.redirects_put
