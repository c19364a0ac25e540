"""Proxies: which one, if any, and how it is written."""

from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient._util.origin import Origin
from ctaclient.errors import ConfigError
from ctaclient.transport.proxy import Proxies, parse_proxy

DOOR = Origin.of("https://door.example:2880")


@pytest.mark.parametrize(
    ("url", "origin", "pair"),
    [
        ("http://proxy:3128", "http://proxy:3128", None),
        ("proxy:3128", "http://proxy:3128", None),
        ("https://proxy", "https://proxy", None),
        ("http://[::1]:3128/", "http://[::1]:3128", None),
        ("http://me:secret@proxy:3128", "http://proxy:3128", "me:secret"),
        ("http://me:p%40ss%2Fw%3Ard@proxy:3128", "http://proxy:3128", "me:p@ss/w:rd"),
        ("http://me@proxy:3128", "http://proxy:3128", "me:"),
    ],
)
def test_parse(url: str, origin: str, pair: str | None) -> None:
    proxy = parse_proxy(url)
    assert str(proxy.origin) == origin
    said = proxy.authorization
    assert (b64decode(said.removeprefix("Basic ")).decode() if said else None) == pair
    assert "secret" not in repr(proxy)
    assert said is None or said not in repr(proxy)


@pytest.mark.parametrize("url", ["socks5://proxy:1080", "http://", "http://me:secret@", "http://proxy:port", "://", ""])
def test_anything_else_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="the proxy URL is not one of the form") as caught:
        parse_proxy(url)
    assert "secret" not in str(caught.value)
    assert "HTTPS_PROXY" in (caught.value.hint or "")


@given(st.text())
def test_any_text(url: str) -> None:
    try:
        parse_proxy(url)
    except ConfigError:
        return


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://upper:1"}, "upper"),
        ({"https_proxy": "http://lower:1"}, "lower"),
        ({"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://upper:1"}, "lower"),
        ({"ALL_PROXY": "http://all:1"}, "all"),
        ({"ALL_PROXY": "http://all:1", "HTTPS_PROXY": "http://upper:1"}, "upper"),
        ({"HTTP_PROXY": "http://plain:1"}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "door.example"}, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example"}, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example"}, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other, door.example:2880"}, None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "door.example:443"}, "p"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "or.example"}, "p"),
    ],
)
def test_by_environment(environ: dict[str, str], host: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    proxy = Proxies.of_environment().lead_to(DOOR)
    assert (proxy.origin.host if proxy else None) == host


def test_an_argument_is_above_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    proxy = Proxies.single("http://mine:1").lead_to(DOOR)
    assert proxy is not None
    assert proxy.origin.host == "mine"
